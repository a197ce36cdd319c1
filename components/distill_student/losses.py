"""What a student is taught by. Pure functions of tensors.

Legend of shapes: B texts, L tokens, H channels of the student, H' of the teacher, C classes; mask [B, L], 1 = real.
Alignment losses are means over real tokens only, so that neither padding nor batch composition changes them.
"""

import torch
from torch import Tensor

from components.foundation.spectrum import at_least_float32


def distillation_kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """T^2 KL(teacher || student) of answers softened by T, mean over texts: [B, C], [B, C] -> scalar
    (Hinton et al. 2015, arXiv 1503.02531)."""
    log_student = torch.log_softmax(student / temperature, dim=-1)
    log_teacher = torch.log_softmax(teacher / temperature, dim=-1)
    return torch.nn.functional.kl_div(log_student, log_teacher, reduction="batchmean", log_target=True) * temperature**2


def hidden_mse(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error of hidden states over real tokens: [B, L, H], [B, L, H'], [B, L] -> scalar."""
    difference = _masked_difference(student, teacher, mask)
    return difference.square().sum() / (mask.sum() * difference.shape[-1])


def complex_spectral(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """SpectralKD's alignment (arXiv 2412.19055, equations 6-8): [B, L, H], [B, L, H'], [B, L] -> scalar.

    2-D real FFT over tokens and channels, orthonormal, one-sided in the channels; real and imaginary parts stacked;
    mean squared error. With padding, the sum over a text's spectrum does not depend on the padding (Parseval over
    the two-sided token axis), and the mean is taken over the real tokens' share of it.
    """
    difference = _masked_difference(student, teacher, mask)
    spectrum = torch.view_as_real(torch.fft.rfft2(difference, norm="ortho"))
    return spectrum.square().sum() / (mask.sum() * spectrum.shape[-2] * spectrum.shape[-1])


def pool_channels(states: Tensor, width: int) -> Tensor:
    """Adaptive average pooling of the channels, the paper's width matching: [B, L, H'] -> [B, L, width]."""
    return states if states.shape[-1] == width else torch.nn.functional.adaptive_avg_pool1d(states, width)


def _masked_difference(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    student, teacher = at_least_float32(student), at_least_float32(teacher)
    return (student - pool_channels(teacher, student.shape[-1])) * mask.unsqueeze(-1)


ALIGNMENTS = {"hidden_mse": hidden_mse, "spectral": complex_spectral}
