"""Facts of a spectral profile: what was measured, and how (`profile.json`). Reading them needs no model library."""

from typing import ClassVar, Literal

from spectral_distill.storage.artifacts import Artifact


class ProfileFacts(Artifact):
    """The facts of a spectral profile.

    Attributes:
        depth: Number of the model's encoder layers, D.
        channels: Width of its hidden states, H.
        texts: Number of texts that the profile was measured on.
        tokens: Number of tokens in these texts.
        token_stride: One in this many tokens is measured on the channel axis.
        sample_texts: Number of texts that the token axis and the controls were measured on.
        cka_texts: Number of texts that linear CKA was measured on.
        bins: Number of lowest frequency bins that the intensity is averaged over; 0 means all.
        clip_sigmas: Robust standard deviations at which the `clipped` variant clips outlier channels.
        token_grid_points: Points of the token axis' frequency grid.
        bands: Number of bands of the band shares.
        normalisation: Scaling of the Fourier transform.
        frequency_unit: Unit of the frequencies, by axis.
    """

    KIND: ClassVar[str] = "spectral profile"
    FILE: ClassVar[str] = "profile.json"

    schema_version: Literal[1] = 1
    depth: int
    channels: int
    texts: int
    tokens: int
    token_stride: int
    sample_texts: int
    cka_texts: int
    bins: int
    clip_sigmas: float
    token_grid_points: int
    bands: int
    normalisation: str
    frequency_unit: dict[str, str]
