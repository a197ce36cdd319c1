"""Scores of each layer, by which strategies rank. Layers are counted from 0 to D - 1."""

from collections.abc import Callable

import numpy as np

from spectral_distill.spectra.profile import SpectralProfile
from spectral_distill.spectra.transforms import two_sided_weights


def intensity(profile: SpectralProfile) -> np.ndarray:
    """Return the spectral intensity of each layer's output (SpectralKD, equation 4, https://arxiv.org/abs/2412.19055).

    Args:
        profile: The teacher's spectral profile, of D layers.

    Returns:
        Scores [D].
    """
    return profile.layers("channel/state/raw/intensity").numpy()


def update_intensity(profile: SpectralProfile) -> np.ndarray:
    """Return the spectral intensity of each layer's update, X^(l+1) - X^l.

    Args:
        profile: The teacher's spectral profile, of D layers.

    Returns:
        Scores [D].
    """
    return profile.layers("channel/update/raw/intensity").numpy()


def block_influence(profile: SpectralProfile) -> np.ndarray:
    """Return 1 - the mean cosine of each layer's input and output (ShortGPT, equation 1, arXiv 2403.03853).

    Args:
        profile: The teacher's spectral profile, of D layers.

    Returns:
        Scores [D].
    """
    return profile.layers("update/block_influence").numpy()


def activation_norm(profile: SpectralProfile) -> np.ndarray:
    """Return the mean RMS of each layer's output over tokens.

    Args:
        profile: The teacher's spectral profile, of D layers.

    Returns:
        Scores [D].
    """
    return profile.layers("state/rms").numpy()


def fingerprint_distances(profile: SpectralProfile) -> np.ndarray:
    """Return squared distances between the layers' fingerprints, on the token axis at unit RMS.

    Args:
        profile: The teacher's spectral profile, of D layers.

    Returns:
        Distances [D, D].
    """
    fingerprints = profile.layers("token/state/rms/fingerprint")
    weights = two_sided_weights(profile.facts.token_grid_points)
    difference = fingerprints[:, None] - fingerprints[None]
    return (difference.square() * weights).sum(dim=-1).numpy()


def cka_distances(profile: SpectralProfile) -> np.ndarray:
    """Return 1 - linear CKA of the layers' mean-pooled outputs (Kornblith et al. 2019, arXiv 1905.00414).

    Args:
        profile: The teacher's spectral profile, of D layers.

    Returns:
        Distances [D, D].
    """
    return 1.0 - profile.arrays["state/linear_cka"][1:, 1:].numpy()


SCORES: dict[str, Callable[[SpectralProfile], np.ndarray]] = {
    "spectral_intensity": intensity,
    "spectral_edges": intensity,
    "lowest_intensity": intensity,
    "spectral_update": update_intensity,
    "block_influence": block_influence,
    "activation_norm": activation_norm,
}
"""The score of each strategy that ranks layers by one."""
