"""What of hidden states students are aligned to, as it is recorded from the teacher and computed from the student.

    tokens    the states themselves          [B, L, H]
    band_K    their K lowest channel frequencies, real and imaginary parts    [B, L, 2K - 1]
    pooled    their mean over a text's real tokens, which needs no common tokenizer    [B, 1, H]

Each is linear in the states, so a weighted mix of layers may be taken before or after.
"""

import math
from functools import cache

import torch
from torch import Tensor

from spectral_distill.spectra.transforms import at_least_float32

_TOKENS, _POOLED, _BAND = "tokens", "pooled", "band_"


def extract(name: str, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The feature of hidden states [B, L, H] with mask [B, L], in float32 at least, and the feature's own mask."""
    states = at_least_float32(states)
    if name == _TOKENS:
        return states, mask
    if name == _POOLED:
        weights = mask.to(states.dtype)
        mean = torch.einsum("blh,bl->bh", states, weights) / weights.sum(dim=1, keepdim=True)
        return mean.unsqueeze(1), mask.new_ones(len(mask), 1)
    return low_band(states, int(name.removeprefix(_BAND))), mask


def width(name: str, channels: int) -> int:
    """Numbers per row of the feature for hidden states of that many channels."""
    return low_band_width(int(name.removeprefix(_BAND)), channels) if name.startswith(_BAND) else channels


def low_band(states: Tensor, bins: int) -> Tensor:
    """Real, then imaginary parts of the `bins` lowest bins of the orthonormal FFT over channels: [..., H] -> [..., W].

    A few bins are a few dot products: a matrix product with cosines and sines, no FFT. The imaginary part of bin 0
    is zero always and left out.
    """
    return states @ _basis(states.shape[-1], bins).to(states)


def low_band_width(bins: int, channels: int) -> int:
    return 2 * min(bins, channels // 2 + 1) - 1


@cache
def _basis(channels: int, bins: int) -> Tensor:
    """[H, W] in float64: columns cos(2 pi k c / H) / sqrt(H) for k < bins, then -sin(...) for 0 < k < bins."""
    frequencies = torch.arange(min(bins, channels // 2 + 1), dtype=torch.float64)
    angles = 2 * math.pi / channels * torch.arange(channels, dtype=torch.float64)[:, None] * frequencies
    return torch.cat([angles.cos(), -angles.sin()[:, 1:]], dim=1) / math.sqrt(channels)
