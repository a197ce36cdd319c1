"""Losses against NumPy and SciPy, and the equation that ties the spectral loss to plain MSE."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr, softmax

from components.distill_student.losses import ALIGNMENTS, complex_spectral, distillation_kl, hidden_mse, pool_channels

every_alignment = pytest.mark.parametrize("measure", ALIGNMENTS.values(), ids=ALIGNMENTS.keys())
# Teachers as wide as the student, twice, two and a half times, and less wide.
widths = pytest.mark.parametrize("width", [6, 12, 15, 7, 4])


def states(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def pooled_by_hand(teacher: np.ndarray, width: int) -> np.ndarray:
    """Channel i of the result is the mean over the channels floor(i H' / H) .. ceil((i + 1) H' / H) - 1."""
    wide = teacher.shape[-1]
    parts = [teacher[..., i * wide // width : -(-(i + 1) * wide // width)].mean(-1) for i in range(width)]
    return np.stack(parts, axis=-1)


def dft2_one_sided(difference: np.ndarray) -> np.ndarray:
    """Orthonormal DFT over tokens and channels [B, L, H] by its definition; the first H // 2 + 1 channel bins."""

    def matrix(n: int) -> np.ndarray:
        return np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n) / np.sqrt(n)

    tokens, channels = difference.shape[1:]
    return np.einsum("ut,bth,hk->buk", matrix(tokens), difference, matrix(channels)[:, : channels // 2 + 1])


@widths
def test_pooling_is_the_mean_over_each_students_channel_share(width):
    teacher = states(2, 3, width)
    np.testing.assert_allclose(pool_channels(teacher, 6), pooled_by_hand(teacher.numpy(), 6), rtol=1e-12)


@widths
@pytest.mark.parametrize("tokens", [1, 4, 5])
@pytest.mark.parametrize("channels", [6, 5])
def test_spectral_loss_is_the_papers(width, tokens, channels):
    student, teacher = states(3, tokens, channels), states(3, tokens, width, seed=1)
    mine, theirs = dft2_one_sided(student.numpy()), dft2_one_sided(pooled_by_hand(teacher.numpy(), channels))
    stacked = [np.stack([spectrum.real, spectrum.imag]) for spectrum in (mine, theirs)]
    expected = ((stacked[0] - stacked[1]) ** 2).mean()
    assert float(complex_spectral(student, teacher, torch.ones(3, tokens))) == pytest.approx(expected, rel=1e-10)


@widths
def test_hidden_mse_is_the_mean_over_real_tokens(width):
    student, teacher = states(2, 5, 6), states(2, 5, width, seed=1)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
    squares = (student.numpy() - pooled_by_hand(teacher.numpy(), 6)) ** 2
    assert float(hidden_mse(student, teacher, mask)) == pytest.approx(squares[mask.numpy() == 1].mean(), rel=1e-12)


@given(st.integers(2, 17), st.integers(1, 6), st.integers(0, 99))
def test_spectral_loss_is_mse_with_the_edge_bins_counted_twice(channels, tokens, seed):
    """By Parseval the two-sided spectrum of the difference d holds H x MSE a token. One-sided, inner bins stand for
    two, the edges k = 0 and (H even) k = H / 2 for one, so that the sum over K bins is (H x MSE + edges) / 2, and the
    mean over real and imaginary parts (H x MSE + edges) / (4 K)."""
    student, teacher = states(2, tokens, channels, seed=seed), states(2, tokens, channels, seed=seed + 1)
    mask = torch.ones(2, tokens)
    mask[1, tokens // 2 + 1 :] = 0
    difference = (student - teacher)[mask.bool()].numpy()  # [n, H]
    edges = (difference.sum(1) ** 2).mean() / channels
    if channels % 2 == 0:
        edges += ((difference * (-1.0) ** np.arange(channels)).sum(1) ** 2).mean() / channels
    expected = (channels * (difference**2).mean() + edges) / (4 * (channels // 2 + 1))
    assert float(complex_spectral(student, teacher, mask)) == pytest.approx(expected, rel=1e-9)


@every_alignment
@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_changes_nothing(measure, side):
    student, teacher = states(2, 3, 6), states(2, 3, 12, seed=1)
    place = slice(0, 3) if side == "right" else slice(4, 7)
    longer = [torch.full((2, 7, width), 9.0, dtype=torch.float64) for width in (6, 12)]
    mask = torch.zeros(2, 7, dtype=torch.int64)
    longer[0][:, place], longer[1][:, place], mask[:, place] = student, teacher, 1
    expected = float(measure(student, teacher, torch.ones(2, 3, dtype=torch.int64)))
    assert float(measure(*longer, mask)) == pytest.approx(expected, rel=1e-12)


@every_alignment
def test_a_batch_is_the_mean_of_its_texts_weighted_by_tokens(measure):
    student, teacher = states(2, 6, 5), states(2, 6, 5, seed=1)
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0]])
    alone = [float(measure(student[[row], :n], teacher[[row], :n], torch.ones(1, n))) for row, n in ((0, 6), (1, 2))]
    assert float(measure(student, teacher, mask)) == pytest.approx((6 * alone[0] + 2 * alone[1]) / 8, rel=1e-12)


@every_alignment
def test_alignment_is_zero_at_equality_and_positive_elsewhere(measure):
    student, mask = states(2, 4, 6), torch.ones(2, 4)
    assert float(measure(student, student.clone(), mask)) == 0
    assert float(measure(student, student + 0.1, mask)) > 0


@every_alignment
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_alignment_gradients_reach_real_tokens_alone(measure, dtype):
    student = states(2, 4, 6).to(dtype).requires_grad_()
    teacher = states(2, 4, 12, seed=1).to(dtype)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    measure(student, teacher, mask).backward()
    assert student.grad is not None and torch.isfinite(student.grad).all()
    assert (student.grad[mask == 1] != 0).any(dim=-1).all()
    assert (student.grad[mask == 0] == 0).all()


@every_alignment
def test_alignment_pulls_the_student_to_the_teacher(measure):
    student, teacher, mask = states(2, 3, 4).requires_grad_(), states(2, 3, 4, seed=1), torch.ones(2, 3)
    optimizer = torch.optim.Adam([student], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        measure(student, teacher, mask).backward()
        optimizer.step()
    torch.testing.assert_close(student.detach(), teacher, atol=1e-2, rtol=0)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_kl_is_scipys_times_temperature_squared(temperature):
    student, teacher = states(5, 7), states(5, 7, seed=1)
    mine, theirs = softmax(student.numpy() / temperature, axis=1), softmax(teacher.numpy() / temperature, axis=1)
    expected = temperature**2 * rel_entr(theirs, mine).sum(1).mean()
    assert float(distillation_kl(student, teacher, temperature)) == pytest.approx(expected, rel=1e-10)


def test_kl_gradient_is_the_softened_difference_over_texts():
    """Hinton et al. 2015: d / d logits = T (softmax(student / T) - softmax(teacher / T)) / B."""
    student, teacher = states(4, 3).requires_grad_(), states(4, 3, seed=1)
    distillation_kl(student, teacher, 3.0).backward()
    expected = 3.0 * (torch.softmax(student.detach() / 3, 1) - torch.softmax(teacher / 3, 1)) / 4
    torch.testing.assert_close(student.grad, expected)


def test_kl_is_zero_for_equal_answers_and_finite_for_opposite_sure_ones():
    logits = states(3, 4)
    assert float(distillation_kl(logits, logits + 5.0, 2.0)) == pytest.approx(0, abs=1e-12)  # shifts change no answer
    sure = torch.tensor([[300.0, -300.0]], requires_grad=True)
    loss = distillation_kl(sure, torch.tensor([[-300.0, 300.0]]), 1.0)
    loss.backward()
    assert loss.item() == pytest.approx(600)
    assert sure.grad is not None and torch.isfinite(sure.grad).all()
