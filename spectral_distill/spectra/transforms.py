"""Spectra of hidden states. Pure functions: tensors in, tensors out.

Legend of shapes: B texts, L tokens, H channels, K = H // 2 + 1 channel frequencies, G token frequencies.

Convention everywhere: orthonormal scaling, one-sided transforms computed in float32 or wider. The paper
averages over the full, two-sided FFT; for real input that equals the one-sided spectrum with its mirrored
bins counted twice, which is what `two_sided_weights` is for.

Sources: Tian et al., "SpectralKD" (arXiv 2412.19055), section 3; Tian et al., "Distillation Dynamics"
(arXiv 2511.06848).
"""

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

_MAD_TO_SIGMA = 1.4826  # the standard deviation of a normal distribution over its median absolute value


def at_least_float32(x: Tensor) -> Tensor:
    """Half precisions are widened: an FFT of 1,024 bf16 values keeps barely two digits."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def two_sided_weights(length: int) -> Tensor:
    """How many bins of the full FFT over `length` points each one-sided bin stands for: [length // 2 + 1]."""
    weights = torch.full((length // 2 + 1,), 2.0, dtype=torch.float64)
    weights[0] = 1.0
    if length % 2 == 0:
        weights[-1] = 1.0
    return weights


def channel_spectrum(states: Tensor) -> Tensor:
    """FFT over every token's channels: [..., H] -> complex [..., K]; bin k is k cycles per H channels."""
    return torch.fft.rfft(at_least_float32(states), norm="ortho")


def channel_magnitude(states: Tensor) -> Tensor:
    """Magnitudes of `channel_spectrum`: [..., H] -> [..., K]."""
    return magnitude(*parts(channel_spectrum(states)))


def parts(values: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part."""
    both = torch.view_as_real(values)
    return both[..., 0], both[..., 1]


def token_spectrum(states: Tensor, mask: Tensor, points: int) -> tuple[Tensor, Tensor]:
    """Fourier transform over each text's own real tokens, on one frequency grid for all lengths.

    states [..., B, L, H], mask [B, L] (1 = real token, padding on the right or left) -> real and imaginary part, both
    [..., B, G = points // 2 + 1, H]; bin g is g / points cycles per token.

    This samples each text's discrete-time Fourier transform at the grid's frequencies; the factor 1 / sqrt(n) makes it
    the orthonormal transform of the n real tokens at the frequencies that both have. Only the phase depends on where
    the padding stands. A few frequencies of short texts: a matrix product is faster than zero-padding and an FFT.
    """
    states = at_least_float32(states)
    weights = mask.to(states) * mask.sum(dim=-1, keepdim=True).clamp(min=1).to(states).rsqrt()
    both = _fourier_matrix(states.shape[-2], points).to(states) @ (states * weights.unsqueeze(-1))
    real, imaginary = both.chunk(2, dim=-2)
    return real, imaginary


def magnitude(real: Tensor, imaginary: Tensor) -> Tensor:
    """sqrt(Re^2 + Im^2), element by element."""
    return squared_magnitude(real, imaginary).sqrt()


def squared_magnitude(real: Tensor, imaginary: Tensor) -> Tensor:
    """Re^2 + Im^2, element by element."""
    return torch.addcmul(real.square(), imaginary, imaginary)


@lru_cache(maxsize=64)
def _fourier_matrix(tokens: int, points: int) -> Tensor:
    """Cosines, then negative sines, of the grid's frequencies: float64 [2 * (points // 2 + 1), tokens]."""
    grid = torch.arange(points // 2 + 1, dtype=torch.float64)[:, None]
    angles = 2 * math.pi / points * (grid * torch.arange(tokens, dtype=torch.float64) % points)
    return torch.cat([angles.cos(), -angles.sin()])


def rms(states: Tensor) -> Tensor:
    """Root mean square over the channels: [..., H] -> [...]."""
    return at_least_float32(states).square().mean(dim=-1).sqrt()


def clip_outliers(states: Tensor, sigmas: float) -> Tensor:
    """Clip every token's channels at `sigmas` robust standard deviations (1.4826 x median magnitude)."""
    states = at_least_float32(states)
    limit = sigmas * _MAD_TO_SIGMA * _median(states.abs())
    return torch.minimum(torch.maximum(states, -limit), limit)


def _median(values: Tensor) -> Tensor:
    """The lower median of every row: [..., H] -> [..., 1]. NumPy selects three times as fast as torch, which also looks
    for the median's place."""
    if values.device.type != "cpu":
        return values.median(dim=-1, keepdim=True).values
    middle = (values.shape[-1] - 1) // 2
    return torch.from_numpy(np.partition(values.numpy(), middle, axis=-1)[..., middle : middle + 1])


def intensity(fingerprint: Tensor, weights: Tensor, bins: int = 0) -> Tensor:
    """Mean magnitude over the two-sided spectrum: fingerprint [..., K], weights [K] -> [...].

    `bins` > 0 keeps the that many lowest one-sided bins only (SpectralKD, equation 4: the layer's intensity).
    """
    keep = slice(None, bins or None)
    return (fingerprint[..., keep] * weights[keep]).sum(dim=-1) / weights[keep].sum()


def spectral_entropy(fingerprint: Tensor, weights: Tensor) -> Tensor:
    """Shannon entropy of the two-sided power spectrum over its maximum: [..., K] -> [...] in [0, 1]; 1 is white."""
    power = fingerprint.square()
    share = power / (power * weights).sum(dim=-1, keepdim=True).clamp(min=torch.finfo(power.dtype).tiny)
    return -(torch.special.xlogy(share, share) * weights).sum(dim=-1) / math.log(float(weights.sum()))


def band_shares(fingerprint: Tensor, weights: Tensor, bands: int) -> Tensor:
    """Power in `bands` equal bands of frequency, over what a white spectrum has there: [..., K] -> [..., bands]."""
    power = fingerprint.square() * weights
    total = power.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(power.dtype).tiny)
    power_by_band = torch.stack([part.sum(dim=-1) for part in power.tensor_split(bands, dim=-1)], dim=-1)
    white = torch.stack([part.sum() for part in weights.tensor_split(bands)]) / weights.sum()
    return power_by_band / total / white


def spectral_distance(first: Tensor, second: Tensor, weights: Tensor) -> Tensor:
    """Relative distance between two fingerprints, |a - b| / |b| in the two-sided L2 norm: [..., K] -> [...]."""
    norm = (second.square() * weights).sum(dim=-1).sqrt().clamp(min=torch.finfo(second.dtype).tiny)
    return ((first - second).square() * weights).sum(dim=-1).sqrt() / norm
