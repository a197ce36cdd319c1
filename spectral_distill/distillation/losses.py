"""The losses that a student is trained with, as pure functions of tensors.

Shapes: B texts, L tokens, H channels of the student, H' of the teacher, C classes, W and W' numbers per row of a
feature; mask [B, L], 1 = real token. Alignment losses are means over real tokens only, so that neither padding nor the
composition of the batch changes them.
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
    """Compute the KL divergence of the softened predictions, T^2 KL(teacher || student), as a mean over texts.

    The factor T^2 keeps the size of the gradients when T changes (Hinton et al. 2015,
    https://arxiv.org/abs/1503.02531).

    Args:
        student: Logits of the student [B, C].
        teacher: Logits of the teacher [B, C].
        temperature: The temperature T > 0, which divides both logits.

    Returns:
        The loss, a scalar in nats.
    """
    log_student = torch.log_softmax(student / temperature, dim=-1)
    log_teacher = torch.log_softmax(teacher / temperature, dim=-1)
    return kl_div(log_student, log_teacher, reduction="batchmean", log_target=True) * temperature**2


def linear_schedule(start: float, end: float | None, progress: float) -> float:
    """Interpolate a value that changes linearly during training.

    Args:
        start: The value at the start.
        end: The value at the end; None keeps the start value.
        progress: The finished part of training, 0 to 1.

    Returns:
        The present value.
    """
    return start if end is None else start + (end - start) * progress


def mse(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Compute the mean squared error over real tokens.

    It is the loss of three alignments: `hidden_mse` on hidden states, `band_limited` on their lowest channel
    frequencies, and `pooled` on their means over a text.

    Args:
        student: Features of the student [B, L, W].
        teacher: Features of the teacher [B, L, W'].
        mask: Mask of the features [B, L].

    Returns:
        The loss, a scalar.
    """
    difference = _masked_difference(student, teacher, mask)
    return difference.square().sum() / (mask.sum() * difference.shape[-1])


def cosine(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Compute the mean of 1 - cosine similarity over real tokens.

    Args:
        student: Hidden states of the student [B, L, H].
        teacher: Hidden states of the teacher [B, L, H'].
        mask: Attention mask [B, L].

    Returns:
        The loss, a scalar from 0 to 2.
    """
    student, teacher = match_width(student, teacher)
    return ((1 - cosine_similarity(student, teacher, dim=-1)) * mask).sum() / mask.sum()


def complex_spectral(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Compute SpectralKD's alignment loss (https://arxiv.org/abs/2412.19055, equations 6-8).

    The paper takes the orthonormal 2-D real FFT over tokens and channels (one-sided in the channels), stacks real and
    imaginary parts, and takes the mean squared error. By Parseval's theorem, that needs no transform. The squares of
    the full spectrum sum to the squares of the difference d. The one-sided half holds half of them, and half of the
    edge bins in addition. Over channels c, the edge bins are (sum_c d)^2 / H and, for even H, (sum_c (-1)^c d)^2 / H.
    The mean is over the share of the real tokens, so padding does not change it.

    Args:
        student: Hidden states of the student [B, L, H].
        teacher: Hidden states of the teacher [B, L, H'].
        mask: Attention mask [B, L].

    Returns:
        The loss, a scalar.
    """
    difference = _masked_difference(student, teacher, mask)
    channels = difference.shape[-1]
    edges = difference.sum(dim=-1).square().sum()
    if channels % 2 == 0:
        edges = edges + (difference[..., ::2].sum(dim=-1) - difference[..., 1::2].sum(dim=-1)).square().sum()
    one_sided = (difference.square().sum() + edges / channels) / 2
    return one_sided / (mask.sum() * (channels // 2 + 1) * 2)


def magnitude(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Compute the mean squared error of the magnitudes of the FFT over channels, without phase.

    The mean is over real tokens and the two-sided orthonormal spectrum. The loss is 0 for a student whose channels are
    a circular shift of the teacher's.

    Args:
        student: Hidden states of the student [B, L, H].
        teacher: Hidden states of the teacher [B, L, H'].
        mask: Attention mask [B, L].

    Returns:
        The loss, a scalar.
    """
    student, teacher = match_width(student, teacher)
    return _spectral_mean(_channel_magnitude(student) - _channel_magnitude(teacher), student.shape[-1], mask)


def log_magnitude(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Compute the mean squared error of log(1 + |F|), where F is the FFT over channels.

    As `magnitude`, but weak bins count as much as strong ones. log(1 + |F|) is smooth where a bin is empty.

    Args:
        student: Hidden states of the student [B, L, H].
        teacher: Hidden states of the teacher [B, L, H'].
        mask: Attention mask [B, L].

    Returns:
        The loss, a scalar.
    """
    student, teacher = match_width(student, teacher)
    difference = _channel_magnitude(student).log1p() - _channel_magnitude(teacher).log1p()
    return _spectral_mean(difference, student.shape[-1], mask)


def token_axis(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Compute the mean squared error of the magnitudes of the FFT over tokens, channel by channel.

    Each text's n real tokens have their own orthonormal n-point FFT, so padding has no effect. Texts of the same length
    are transformed together. The mean is over the real tokens' share of the two-sided spectrum.

    Args:
        student: Hidden states of the student [B, L, H].
        teacher: Hidden states of the teacher [B, L, H'].
        mask: Attention mask [B, L].

    Returns:
        The loss, a scalar.
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
    """Bring both to the narrower width, by adaptive average pooling of channels as in SpectralKD (arXiv 2412.19055).

    Args:
        student: Features of the student [B, L, H].
        teacher: Features of the teacher [B, L, H'].

    Returns:
        Both [B, L, min(H, H')], in float32 or wider.
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
    """|F|, with gradient 0 instead of NaN where F is 0."""
    power = torch.view_as_real(spectrum).square().sum(dim=-1)
    return torch.where(power > 0, power, torch.ones_like(power)).sqrt() * (power > 0)


def _spectral_mean(difference: Tensor, channels: int, mask: Tensor) -> Tensor:
    weights = two_sided_weights(channels).to(difference)
    return ((difference.square() * weights).sum(dim=-1) * mask).sum() / (mask.sum() * channels)
