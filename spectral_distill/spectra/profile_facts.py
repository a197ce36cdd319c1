"""What a spectral profile was measured on, and how: `profile.json`. Reading it needs no model library."""

from typing import ClassVar, Literal

from spectral_distill.storage.artifacts import Artifact


class ProfileFacts(Artifact):
    """The facts of a spectral profile.

    Attributes:
        depth: Encoder layers of the model, D.
        channels: Width of its hidden states, H.
        texts: Texts that the profile was measured on.
        tokens: Their tokens that were measured on the channel axis.
        token_stride: Of the texts' tokens every such one is measured.
        sample_texts: Texts that the token axis and the controls were measured on.
        cka_texts: Texts that linear CKA was measured on.
        bins: Lowest frequency bins that the intensity is averaged over; 0 means all.
        clip_sigmas: Robust standard deviations at which the clipped control clips outlier channels.
        token_grid_points: Points of the token axis' frequency grid.
        bands: Bands of the band shares.
        normalisation: Of the Fourier transform.
        frequency_unit: By axis.
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
