"""What a profile says about each layer, as strategies rank by it. Layers 0 .. D - 1."""

from collections.abc import Callable

import numpy as np

from spectral_distill.spectra.profile import SpectralProfile
from spectral_distill.spectra.transforms import two_sided_weights


def intensity(profile: SpectralProfile) -> np.ndarray:
    """Spectral intensity of the layer's output, [D] (SpectralKD, equation 4)."""
    return profile.layers("channel/state/raw/intensity").numpy()


def update_intensity(profile: SpectralProfile) -> np.ndarray:
    """Spectral intensity of what the layer adds, X^l - X^(l-1), [D]."""
    return profile.layers("channel/update/raw/intensity").numpy()


def block_influence(profile: SpectralProfile) -> np.ndarray:
    """1 - mean cosine of the layer's input and output, [D]."""
    return profile.layers("update/block_influence").numpy()


def activation_norm(profile: SpectralProfile) -> np.ndarray:
    """Mean RMS of the layer's output over tokens, [D]."""
    return profile.layers("state/rms").numpy()


def fingerprint_distances(profile: SpectralProfile) -> np.ndarray:
    """Squared distances between the layers' fingerprints on the token axis at unit RMS, [D, D]."""
    fingerprints = profile.layers("token/state/rms/fingerprint")
    weights = two_sided_weights(profile.facts.token_grid_points)
    difference = fingerprints[:, None] - fingerprints[None]
    return (difference.square() * weights).sum(dim=-1).numpy()


def cka_distances(profile: SpectralProfile) -> np.ndarray:
    """1 - linear CKA of the layers' mean-pooled outputs, [D, D]."""
    return 1.0 - profile.arrays["state/linear_cka"][1:, 1:].numpy()


SCORES: dict[str, Callable[[SpectralProfile], np.ndarray]] = {
    "spectral_intensity": intensity,
    "spectral_edges": intensity,
    "lowest_intensity": intensity,
    "spectral_update": update_intensity,
    "block_influence": block_influence,
    "activation_norm": activation_norm,
}
"""The score behind each strategy that ranks layers by one."""
