"""Losses against NumPy and SciPy, and the equation that ties the spectral loss to plain MSE."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr, softmax

from spectral_distill.distillation.features import extract
from spectral_distill.distillation.losses import ALIGNMENTS, distillation_kl, linear_schedule

every_alignment = pytest.mark.parametrize("name", ALIGNMENTS)
# For a student of 6: teachers as wide, twice and two and a half times as wide, a little wider, and less wide.
widths = pytest.mark.parametrize("width", [6, 12, 15, 7, 4])


def states(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def loss(name: str, student: torch.Tensor, teacher: torch.Tensor, mask: torch.Tensor) -> float:
    return float(ALIGNMENTS[name](student, teacher, mask).detach())


def pooled_to(width: int, states: np.ndarray) -> np.ndarray:
    """Channel i of the result is the mean over the channels floor(i H' / H) .. ceil((i + 1) H' / H) - 1."""
    wide = states.shape[-1]
    parts = [states[..., i * wide // width : -(-(i + 1) * wide // width)].mean(-1) for i in range(width)]
    return np.stack(parts, axis=-1)


def mse_of(mine: np.ndarray, theirs: np.ndarray) -> float:
    return float(((mine - theirs) ** 2).mean())


def dft(n: int) -> np.ndarray:
    """The orthonormal transform of n points by its definition."""
    return np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n) / np.sqrt(n)


def papers_spectral(mine: np.ndarray, theirs: np.ndarray) -> float:
    """SpectralKD: 2-D over tokens and channels, one-sided in the channels, real and imaginary parts side by side."""
    tokens, channels = mine.shape[1:]
    one_sided = dft(channels)[:, : channels // 2 + 1]
    spectra = [np.einsum("ut,bth,hk->buk", dft(tokens), each, one_sided) for each in (mine, theirs)]
    return mse_of(*(np.stack([each.real, each.imag]) for each in spectra))


def cosine_by_hand(mine: np.ndarray, theirs: np.ndarray) -> float:
    lengths = np.linalg.norm(mine, axis=-1) * np.linalg.norm(theirs, axis=-1)
    return float((1 - (mine * theirs).sum(-1) / lengths).mean())


def over_channels(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray, np.ndarray], float]:
    return lambda mine, theirs: mse_of(*(function(np.abs(each @ dft(each.shape[-1]))) for each in (mine, theirs)))


def over_tokens(mine: np.ndarray, theirs: np.ndarray) -> float:
    return mse_of(*(np.abs(np.einsum("ut,bth->buh", dft(each.shape[1]), each)) for each in (mine, theirs)))


# Each for texts of one length, student and teacher equally wide, every spectrum two-sided unless told.
BY_HAND: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "hidden_mse": mse_of,
    "band_limited": mse_of,
    "pooled": mse_of,
    "cosine": cosine_by_hand,
    "spectral": papers_spectral,
    "magnitude": over_channels(lambda magnitude: magnitude),
    "log_magnitude": over_channels(np.log1p),
    "token_axis": over_tokens,
}


def test_every_alignment_has_its_reference():
    assert BY_HAND.keys() == ALIGNMENTS.keys()


@every_alignment
@widths
@pytest.mark.parametrize("tokens", [1, 4, 5])
@pytest.mark.parametrize("channels", [6, 5])
def test_alignment_is_what_numpy_says(name, width, tokens, channels):
    """Even and odd widths, teacher wider and student wider: both are pooled to the narrower width."""
    student, teacher = states(3, tokens, channels), states(3, tokens, width, seed=1)
    expected = BY_HAND[name](*(pooled_to(min(channels, width), each.numpy()) for each in (student, teacher)))
    assert loss(name, student, teacher, torch.ones(3, tokens)) == pytest.approx(expected, rel=1e-10)


@given(st.integers(2, 33), st.integers(1, 9), st.integers(0, 99))
def test_spectral_loss_is_the_papers_though_it_takes_no_transform(channels, tokens, seed):
    """rfft2 from NumPy as another oracle, in whatever sizes."""
    student, teacher = states(2, tokens, channels, seed=seed), states(2, tokens, channels, seed=seed + 1)
    spectrum = np.fft.rfft2((student - teacher).numpy(), norm="ortho")
    expected = (np.stack([spectrum.real, spectrum.imag]) ** 2).mean()
    assert loss("spectral", student, teacher, torch.ones(2, tokens)) == pytest.approx(expected, rel=1e-12)


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
    assert loss("spectral", student, teacher, mask) == pytest.approx(expected, rel=1e-9)


@given(st.integers(2, 17), st.integers(1, 12), st.integers(0, 99))
def test_band_limited_is_the_error_of_the_lowest_frequencies(channels, bins, seed):
    student, teacher = states(2, 3, channels, seed=seed), states(2, 3, channels, seed=seed + 1)
    mask = torch.ones(2, 3)
    kept = np.fft.rfft((student - teacher).numpy(), norm="ortho")[..., :bins]
    numbers = 2 * min(bins, channels // 2 + 1) - 1  # bin 0 has no imaginary part
    expected = (np.abs(kept) ** 2).sum() / (6 * numbers)
    mine, theirs = (extract(f"band_{bins}", each, mask)[0] for each in (student, teacher))
    assert loss("band_limited", mine, theirs, mask) == pytest.approx(expected, rel=1e-10)


def test_magnitudes_forget_the_phase():
    """Rotated channels turn phases alone; a text's tokens in a rotated order, those along the tokens."""
    teacher, mask = states(2, 5, 8), torch.ones(2, 5)
    for name, rotated in {
        "magnitude": teacher.roll(3, -1), "log_magnitude": teacher.roll(3, -1), "token_axis": teacher.roll(2, 1),
    }.items():  # fmt: skip
        assert loss(name, rotated, teacher, mask) == pytest.approx(0, abs=1e-20)
        assert loss("hidden_mse", rotated, teacher, mask) > 0.1
        assert loss(name, -teacher, teacher, mask) == pytest.approx(0, abs=1e-20)


def test_cosine_forgets_the_length():
    teacher, mask = states(2, 5, 8), torch.ones(2, 5)
    assert loss("cosine", 7 * teacher, teacher, mask) == pytest.approx(0, abs=1e-12)
    assert loss("cosine", -teacher, teacher, mask) == pytest.approx(2)


@every_alignment
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("width", [12, 4])
def test_padding_changes_nothing(name, side, width):
    student, teacher = states(2, 3, 6), states(2, 3, width, seed=1)
    place = slice(0, 3) if side == "right" else slice(4, 7)
    longer = [torch.full((2, 7, each), 9.0, dtype=torch.float64) for each in (6, width)]
    longer[0][:, :, 0] = -3.0  # padding differs between the two
    mask = torch.zeros(2, 7, dtype=torch.int64)
    longer[0][:, place], longer[1][:, place], mask[:, place] = student, teacher, 1
    expected = loss(name, student, teacher, torch.ones(2, 3, dtype=torch.int64))
    assert loss(name, *longer, mask) == pytest.approx(expected, rel=1e-12)


@every_alignment
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_a_batch_is_the_mean_of_its_texts_weighted_by_tokens(name, lengths, seed):
    """So a loss depends neither on how texts are batched nor on their order."""
    student, teacher = states(len(lengths), 6, 5, seed=seed), states(len(lengths), 6, 5, seed=seed + 1)
    mask = (torch.arange(6) < torch.tensor(lengths)[:, None]).long()
    alone = [
        loss(name, student[[row], :n], teacher[[row], :n], torch.ones(1, n, dtype=torch.int64))
        for row, n in enumerate(lengths)
    ]
    expected = np.average(alone, weights=lengths)
    assert loss(name, student, teacher, mask) == pytest.approx(expected, rel=1e-10)
    assert loss(name, student.flip(0), teacher.flip(0), mask.flip(0)) == pytest.approx(expected, rel=1e-10)


@every_alignment
def test_alignment_is_zero_at_equality_and_positive_elsewhere(name):
    student, mask = states(2, 4, 6), torch.ones(2, 4, dtype=torch.int64)
    assert loss(name, student, student.clone(), mask) == pytest.approx(0, abs=1e-15)
    assert loss(name, student, student + 0.1, mask) > 0


@every_alignment
def test_half_precision_is_computed_in_float32(name):
    student, teacher = states(2, 4, 6).bfloat16(), states(2, 4, 12, seed=1).bfloat16()
    mask = torch.ones(2, 4, dtype=torch.int64)
    found = ALIGNMENTS[name](student, teacher, mask)
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(loss(name, student.double(), teacher.double(), mask), rel=1e-5)


@every_alignment
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_alignment_gradients_reach_real_tokens_alone(name, dtype):
    student = states(2, 4, 6).to(dtype).requires_grad_()
    teacher = states(2, 4, 12, seed=1).to(dtype)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    ALIGNMENTS[name](student, teacher, mask).backward()
    assert student.grad is not None and torch.isfinite(student.grad).all()
    assert (student.grad[mask == 1] != 0).any(dim=-1).all()
    assert (student.grad[mask == 0] == 0).all()


@every_alignment
@pytest.mark.parametrize("case", ["zeros", "constant", "tiny"])
def test_gradients_are_finite_where_bins_are_empty(name, case):
    """A magnitude has no slope at 0: a constant state has empty bins, a zero state nothing but empty bins."""
    student = {
        "zeros": torch.zeros(2, 4, 6), "constant": torch.ones(2, 4, 6), "tiny": torch.full((2, 4, 6), 1e-30)
    }[case].requires_grad_()  # fmt: skip
    for teacher in (states(2, 4, 6, seed=1).float(), torch.zeros(2, 4, 6)):
        student.grad = None
        ALIGNMENTS[name](student, teacher, torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])).backward()
        assert student.grad is not None and torch.isfinite(student.grad).all()


@pytest.mark.parametrize("name", [name for name in ALIGNMENTS if name != "cosine"])  # zero has no direction
def test_a_state_of_zeros_has_an_empty_spectrum(name):
    student, teacher = torch.zeros(2, 4, 6, dtype=torch.float64), states(2, 4, 6)
    expected = BY_HAND[name](student.numpy(), teacher.numpy())
    assert loss(name, student, teacher, torch.ones(2, 4)) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", ["hidden_mse", "spectral"])
def test_alignment_pulls_the_student_to_the_teacher(name):
    student, teacher, mask = states(2, 3, 4).requires_grad_(), states(2, 3, 4, seed=1), torch.ones(2, 3)
    descend(name, student, teacher, mask)
    torch.testing.assert_close(student.detach(), teacher, atol=1e-2, rtol=0)


@every_alignment
def test_alignment_can_be_learnt(name):
    student, teacher = states(2, 3, 4).requires_grad_(), states(2, 3, 4, seed=1)
    mask = torch.ones(2, 3, dtype=torch.int64)
    before = loss(name, student, teacher, mask)
    descend(name, student, teacher, mask)
    assert loss(name, student, teacher, mask) < 1e-3 * before


def descend(name: str, student: torch.Tensor, teacher: torch.Tensor, mask: torch.Tensor) -> None:
    optimizer = torch.optim.Adam([student], lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        ALIGNMENTS[name](student, teacher, mask).backward()
        optimizer.step()


@pytest.mark.parametrize(
    ("progress", "expected"), [(0.0, 4.0), (0.25, 3.5), (1.0, 2.0)], ids=["start", "a quarter", "end"]
)
def test_a_schedule_goes_straight_from_start_to_end(progress, expected):
    assert linear_schedule(4.0, 2.0, progress) == pytest.approx(expected)
    assert linear_schedule(4.0, None, progress) == 4.0
    assert linear_schedule(4.0, 0.0, progress) == pytest.approx(4 * (1 - progress))


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
