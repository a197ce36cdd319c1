"""Spectra of hidden states. Pure functions: tensors in, tensors out.

Shapes: B texts, L tokens, H channels, K = H // 2 + 1 channel frequencies, G token frequencies.

Conventions: orthonormal scaling; one-sided transforms; computed in float32 or wider. The paper averages over the full,
two-sided FFT. For real input that equals the one-sided spectrum with its mirrored bins counted twice, which
`two_sided_weights` does.

Sources: Tian et al., "SpectralKD", section 3 (https://arxiv.org/abs/2412.19055); Tian et al., "Distillation Dynamics"
(https://arxiv.org/abs/2511.06848).
"""

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

_MAD_TO_SIGMA = 1.4826  # the standard deviation of a normal distribution over its median absolute value


def at_least_float32(x: Tensor) -> Tensor:
    """Widen half precisions to float32: an FFT of 1,024 bfloat16 values keeps barely two digits.

    Args:
        x: A tensor of any shape.

    Returns:
        The same tensor if it is float32 or float64, otherwise a float32 copy.
    """
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def two_sided_weights(length: int) -> Tensor:
    """Count the bins of the full FFT that each one-sided bin stands for.

    Args:
        length: Number of points of the FFT.

    Returns:
        Weights, float64 [length // 2 + 1]: 2 for mirrored bins, 1 for the zero and the Nyquist frequency.
    """
    weights = torch.full((length // 2 + 1,), 2.0, dtype=torch.float64)
    weights[0] = 1.0
    if length % 2 == 0:
        weights[-1] = 1.0
    return weights


def channel_spectrum(states: Tensor) -> Tensor:
    """Apply the FFT over each token's channels (SpectralKD, section 3).

    Args:
        states: Hidden states [..., H].

    Returns:
        Complex spectrum [..., K], orthonormal and one-sided; bin k is k cycles per H channels.
    """
    return torch.fft.rfft(at_least_float32(states), norm="ortho")


def channel_magnitude(states: Tensor) -> Tensor:
    """Compute the magnitudes of `channel_spectrum`.

    Args:
        states: Hidden states [..., H].

    Returns:
        Magnitudes [..., K].
    """
    return magnitude(*parts(channel_spectrum(states)))


def parts(values: Tensor) -> tuple[Tensor, Tensor]:
    """Split a complex tensor.

    Args:
        values: A complex tensor.

    Returns:
        Its real and its imaginary part, of the same shape.
    """
    both = torch.view_as_real(values)
    return both[..., 0], both[..., 1]


def token_spectrum(states: Tensor, mask: Tensor, points: int) -> tuple[Tensor, Tensor]:
    """Apply the Fourier transform over each text's real tokens, on one frequency grid for all lengths.

    It samples each text's discrete-time Fourier transform at the frequencies of the grid. The factor 1 / sqrt(n) makes
    it equal to the orthonormal DFT of the n real tokens at common frequencies. The position of the padding changes only
    the phase. For few frequencies and short texts, a matrix product is faster than zero-padding and an FFT.

    Args:
        states: Hidden states [..., B, L, H].
        mask: Attention mask [B, L]: 1 for real tokens; padding on the right or left.
        points: Points of the frequency grid.

    Returns:
        Real and imaginary part, each [..., B, G, H] with G = points // 2 + 1; bin g is g / points cycles per token.
    """
    states = at_least_float32(states)
    weights = mask.to(states) * mask.sum(dim=-1, keepdim=True).clamp(min=1).to(states).rsqrt()
    both = _fourier_matrix(states.shape[-2], points).to(states) @ (states * weights.unsqueeze(-1))
    real, imaginary = both.chunk(2, dim=-2)
    return real, imaginary


def magnitude(real: Tensor, imaginary: Tensor) -> Tensor:
    """Compute the magnitude sqrt(Re^2 + Im^2), element by element.

    Args:
        real: Real parts, of any shape.
        imaginary: Imaginary parts, of the same shape.

    Returns:
        Magnitudes, of the same shape.
    """
    return squared_magnitude(real, imaginary).sqrt()


def squared_magnitude(real: Tensor, imaginary: Tensor) -> Tensor:
    """Compute the power Re^2 + Im^2, element by element.

    Args:
        real: Real parts, of any shape.
        imaginary: Imaginary parts, of the same shape.

    Returns:
        Squared magnitudes, of the same shape.
    """
    return torch.addcmul(real.square(), imaginary, imaginary)


@lru_cache(maxsize=64)
def _fourier_matrix(tokens: int, points: int) -> Tensor:
    """Cosines and then negative sines of the grid's frequencies: float64 [2 * (points // 2 + 1), tokens]."""
    grid = torch.arange(points // 2 + 1, dtype=torch.float64)[:, None]
    angles = 2 * math.pi / points * (grid * torch.arange(tokens, dtype=torch.float64) % points)
    return torch.cat([angles.cos(), -angles.sin()])


def rms(states: Tensor) -> Tensor:
    """Compute the root mean square over the channels.

    Args:
        states: Hidden states [..., H].

    Returns:
        RMS [...].
    """
    return at_least_float32(states).square().mean(dim=-1).sqrt()


def clip_outliers(states: Tensor, sigmas: float) -> Tensor:
    """Clip each token's channels at a number of robust standard deviations (1.4826 x median magnitude).

    Args:
        states: Hidden states [..., H].
        sigmas: The limit, in standard deviations.

    Returns:
        Clipped states [..., H], float32 or wider.
    """
    states = at_least_float32(states)
    limit = sigmas * _MAD_TO_SIGMA * _median(states.abs())
    return torch.minimum(torch.maximum(states, -limit), limit)


def _median(values: Tensor) -> Tensor:
    """Compute the lower median of each row: [..., H] -> [..., 1]."""
    if values.device.type != "cpu":
        return values.median(dim=-1, keepdim=True).values
    middle = (values.shape[-1] - 1) // 2  # NumPy is three times as fast as torch, which also finds the median's index
    return torch.from_numpy(np.partition(values.numpy(), middle, axis=-1)[..., middle : middle + 1])


def intensity(fingerprint: Tensor, weights: Tensor, bins: int = 0) -> Tensor:
    """Average the magnitudes over the two-sided spectrum: a layer's spectral intensity (SpectralKD, equation 4).

    Source: https://arxiv.org/abs/2412.19055, equation 4.

    Args:
        fingerprint: Mean magnitudes [..., K].
        weights: Result of `two_sided_weights`, [K].
        bins: Number of lowest one-sided bins to average over; 0 means all.

    Returns:
        Intensities [...].
    """
    keep = slice(None, bins or None)
    return (fingerprint[..., keep] * weights[keep]).sum(dim=-1) / weights[keep].sum()


def spectral_entropy(fingerprint: Tensor, weights: Tensor) -> Tensor:
    """Compute the Shannon entropy of the two-sided power spectrum, divided by its maximum.

    Args:
        fingerprint: Mean magnitudes [..., K].
        weights: Result of `two_sided_weights`, [K].

    Returns:
        Entropies [...] in [0, 1]; 1 is a white spectrum.
    """
    power = fingerprint.square()
    share = power / (power * weights).sum(dim=-1, keepdim=True).clamp(min=torch.finfo(power.dtype).tiny)
    return -(torch.special.xlogy(share, share) * weights).sum(dim=-1) / math.log(float(weights.sum()))


def band_shares(fingerprint: Tensor, weights: Tensor, bands: int) -> Tensor:
    """Compute the power in equal frequency bands, relative to a white spectrum.

    Args:
        fingerprint: Mean magnitudes [..., K].
        weights: Result of `two_sided_weights`, [K].
        bands: Number of bands.

    Returns:
        Ratios [..., bands]; 1 is the share of a white spectrum.
    """
    power = fingerprint.square() * weights
    total = power.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(power.dtype).tiny)
    power_by_band = torch.stack([part.sum(dim=-1) for part in power.tensor_split(bands, dim=-1)], dim=-1)
    white = torch.stack([part.sum() for part in weights.tensor_split(bands)]) / weights.sum()
    return power_by_band / total / white


def spectral_distance(first: Tensor, second: Tensor, weights: Tensor) -> Tensor:
    """Compute the relative distance of two fingerprints, |a - b| / |b| in the two-sided L2 norm.

    Args:
        first: Mean magnitudes a [..., K].
        second: Mean magnitudes b [..., K].
        weights: Result of `two_sided_weights`, [K].

    Returns:
        Distances [...].
    """
    norm = (second.square() * weights).sum(dim=-1).sqrt().clamp(min=torch.finfo(second.dtype).tiny)
    return ((first - second).square() * weights).sum(dim=-1).sqrt() / norm
