"""Features of hidden states that students are aligned to: recorded from the teacher, computed from the student.

    tokens    the states themselves                                           [B, L, H]
    band_K    their K lowest channel frequencies, real and imaginary parts    [B, L, 2K - 1]
    pooled    their mean over a text's real tokens; needs no common tokenizer [B, 1, H]

Each feature is linear in the states. A weighted mean of layers may therefore be taken before or after.
"""

import math
from functools import cache

import torch
from torch import Tensor

from spectral_distill.spectra.transforms import at_least_float32

_TOKENS, _POOLED, _BAND = "tokens", "pooled", "band_"


def extract(name: str, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Compute a feature of hidden states, in float32 or wider.

    Args:
        name: Name of the feature: `tokens`, `pooled` or `band_K`.
        states: Hidden states [B, L, H].
        mask: Attention mask [B, L], 1 = real token.

    Returns:
        The feature [B, L, W], or [B, 1, W] for `pooled`, and its own mask [B, L] or [B, 1].
    """
    states = at_least_float32(states)
    if name == _TOKENS:
        return states, mask
    if name == _POOLED:
        weights = mask.to(states.dtype)
        mean = torch.einsum("blh,bl->bh", states, weights) / weights.sum(dim=1, keepdim=True)
        return mean.unsqueeze(1), mask.new_ones(len(mask), 1)
    return low_band(states, int(name.removeprefix(_BAND))), mask


def width(name: str, channels: int) -> int:
    """Return the width of a feature: how many numbers a row has.

    Args:
        name: Name of the feature.
        channels: Number of channels of the hidden states, H.

    Returns:
        The width W.
    """
    return low_band_width(int(name.removeprefix(_BAND)), channels) if name.startswith(_BAND) else channels


def low_band(states: Tensor, bins: int) -> Tensor:
    """Compute the lowest bins of the orthonormal FFT over channels.

    A few bins are a few dot products, so this is a matrix product with cosines and sines instead of an FFT. The
    imaginary part of bin 0 is always zero and left out.

    Args:
        states: Hidden states [..., H].
        bins: Number of bins, K. At most H // 2 + 1 are used.

    Returns:
        The K real parts, then the K - 1 imaginary parts: [..., W] with W = 2K - 1.
    """
    return states @ _basis(states.shape[-1], bins).to(states)


def low_band_width(bins: int, channels: int) -> int:
    """Return the width of `low_band`.

    Args:
        bins: Number of bins, K. At most H // 2 + 1 are used.
        channels: Number of channels, H.

    Returns:
        The width 2K - 1.
    """
    return 2 * min(bins, channels // 2 + 1) - 1


@cache
def _basis(channels: int, bins: int) -> Tensor:
    """[H, W] in float64: columns cos(2 pi k c / H) / sqrt(H) for k < bins, then -sin(...) for 0 < k < bins."""
    frequencies = torch.arange(min(bins, channels // 2 + 1), dtype=torch.float64)
    angles = 2 * math.pi / channels * torch.arange(channels, dtype=torch.float64)[:, None] * frequencies
    return torch.cat([angles.cos(), -angles.sin()[:, 1:]], dim=1) / math.sqrt(channels)
