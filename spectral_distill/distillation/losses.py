"""What a student is taught by. Pure functions of tensors.

Legend of shapes: B texts, L tokens, H channels of the student, H' of the teacher, C classes, W numbers of a feature;
mask [B, L], 1 = real. Alignment losses are means over real tokens only, so that neither padding nor batch composition
changes them.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d, cosine_similarity, kl_div

from spectral_distill.spectra.transforms import at_least_float32, two_sided_weights

AlignmentLoss: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(student's features, teacher's features, mask) -> scalar."""


def distillation_kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(teacher || student) of answers softened by T, mean over texts: [B, C], [B, C] -> scalar
    (Hinton et al. 2015, arXiv 1503.02531)."""
    log_student = torch.log_softmax(student / temperature, dim=-1)
    log_teacher = torch.log_softmax(teacher / temperature, dim=-1)
    return kl_div(log_student, log_teacher, reduction="batchmean", log_target=True) * temperature**2


def linear_schedule(start: float, end: float | None, progress: float) -> float:
    """From `start` to `end` in proportion to progress in [0, 1]; constant where there is no end."""
    return start if end is None else start + (end - start) * progress


def mse(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error over real tokens: [B, L, W], [B, L, W'], [B, L] -> scalar.

    Of hidden states this is `hidden_mse`, of their lowest frequencies `band_limited`, of their means `pooled`.
    """
    difference = _masked_difference(student, teacher, mask)
    return difference.square().sum() / (mask.sum() * difference.shape[-1])


def cosine(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Mean of 1 - cosine over real tokens: [B, L, H], [B, L, H'], [B, L] -> scalar in [0, 2]."""
    student, teacher = match_width(student, teacher)
    return ((1 - cosine_similarity(student, teacher, dim=-1)) * mask).sum() / mask.sum()


def complex_spectral(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """SpectralKD's alignment (arXiv 2412.19055, equations 6-8): [B, L, H], [B, L, H'], [B, L] -> scalar.

    The paper takes the 2-D real FFT over tokens and channels, orthonormal, one-sided in the channels, stacks real and
    imaginary parts, and takes the mean squared error. By Parseval's theorem that needs no transform: the squares of the
    full spectrum sum to those of the difference d, and the one-sided half holds half of them and half of the edge bins,
    which over channels c are (sum_c d)^2 / H and, for even H, (sum_c (-1)^c d)^2 / H. The mean is over the real tokens'
    share, so padding does not change it.
    """
    difference = _masked_difference(student, teacher, mask)
    channels = difference.shape[-1]
    edges = difference.sum(dim=-1).square().sum()
    if channels % 2 == 0:
        edges = edges + (difference[..., ::2].sum(dim=-1) - difference[..., 1::2].sum(dim=-1)).square().sum()
    one_sided = (difference.square().sum() + edges / channels) / 2
    return one_sided / (mask.sum() * (channels // 2 + 1) * 2)


def magnitude(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Squared error of channel-axis magnitudes, without phase: [B, L, H], [B, L, H'], [B, L] -> scalar.

    Mean over real tokens and the two-sided orthonormal spectrum; 0 for a student whose channels are rotated.
    """
    student, teacher = match_width(student, teacher)
    return _spectral_mean(_channel_magnitude(student) - _channel_magnitude(teacher), student.shape[-1], mask)


def log_magnitude(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """As `magnitude`, of log(1 + |F|), which is smooth where a bin is empty: weak bins count as much as strong ones."""
    student, teacher = match_width(student, teacher)
    difference = _channel_magnitude(student).log1p() - _channel_magnitude(teacher).log1p()
    return _spectral_mean(difference, student.shape[-1], mask)


def token_axis(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Squared error of magnitudes along the tokens, channel by channel: [B, L, H], [B, L, H'], [B, L] -> scalar.

    Each text's n real tokens have their own orthonormal n-point FFT, so padding plays no part; texts of one length go
    together. Mean over real tokens' share of the two-sided spectrum.
    """
    student, teacher = match_width(student, teacher)
    lengths = mask.bool().sum(dim=1)
    total = student.new_zeros(())
    for length in sorted(set(lengths.tolist())):
        rows = lengths == length
        real = mask[rows].bool()
        mine, theirs = (_token_magnitude(states[rows][real].view(-1, length, student.shape[-1]))
                        for states in (student, teacher))  # fmt: skip
        weights = two_sided_weights(length).to(student)[:, None]
        total = total + ((mine - theirs).square() * weights).sum()
    return total / (mask.sum() * student.shape[-1])


ALIGNMENTS: dict[str, AlignmentLoss] = {
    "hidden_mse": mse,
    "band_limited": mse,
    "pooled": mse,
    "cosine": cosine,
    "spectral": complex_spectral,
    "magnitude": magnitude,
    "log_magnitude": log_magnitude,
    "token_axis": token_axis,
}


def match_width(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Both at the narrower width, in float32 at least: adaptive average pooling of channels, the paper's way.

    [B, L, H], [B, L, H'] -> twice [B, L, min(H, H')]
    """
    student, teacher = at_least_float32(student), at_least_float32(teacher)
    width = min(student.shape[-1], teacher.shape[-1])
    return _pooled_to(width, student), _pooled_to(width, teacher)


def _pooled_to(width: int, states: Tensor) -> Tensor:
    return states if states.shape[-1] == width else adaptive_avg_pool1d(states, width)


def _masked_difference(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    student, teacher = match_width(student, teacher)
    return (student - teacher) * mask.unsqueeze(-1)


def _channel_magnitude(states: Tensor) -> Tensor:
    return _safe_abs(torch.fft.rfft(states, norm="ortho"))


def _token_magnitude(states: Tensor) -> Tensor:
    return _safe_abs(torch.fft.rfft(states, dim=-2, norm="ortho"))


def _safe_abs(spectrum: Tensor) -> Tensor:
    """|F| with a gradient that is zero, not undefined, where F is 0."""
    power = torch.view_as_real(spectrum).square().sum(dim=-1)
    return torch.where(power > 0, power, torch.ones_like(power)).sqrt() * (power > 0)


def _spectral_mean(difference: Tensor, channels: int, mask: Tensor) -> Tensor:
    weights = two_sided_weights(channels).to(difference)
    return ((difference.square() * weights).sum(dim=-1) * mask).sum() / (mask.sum() * channels)
