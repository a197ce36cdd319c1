"""What students are aligned to, against NumPy: bands of the spectrum, means of tokens, the states themselves."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spectral_distill.distillation.features import extract, low_band, low_band_width, width

MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 1, 1]])
every_feature = pytest.mark.parametrize("name", ["tokens", "pooled", "band_1", "band_3", "band_99"])


def states(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


@given(st.integers(1, 40), st.integers(1, 30), st.integers(0, 99))
def test_low_band_holds_the_lowest_bins_of_numpys_rfft(channels, bins, seed):
    values = states(2, 3, channels, seed=seed)
    kept = np.fft.rfft(values.numpy(), norm="ortho")[..., :bins]
    expected = np.concatenate([kept.real, kept.imag[..., 1:]], axis=-1)
    found = low_band(values, bins)
    assert found.shape[-1] == low_band_width(bins, channels) == width(f"band_{bins}", channels)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_low_band_of_a_slow_wave_is_one_number_and_of_a_fast_one_none():
    turn = 2 * torch.pi * torch.arange(16, dtype=torch.float64) / 16
    slow, fast = low_band((2 * turn).cos(), 3), low_band((3 * turn).cos(), 3)
    np.testing.assert_allclose(slow, [0, 0, 2, 0, 0], atol=1e-12)  # sqrt(16) / 2 at the real part of bin 2
    np.testing.assert_allclose(fast, np.zeros(5), atol=1e-12)


def test_pooled_is_the_mean_over_real_tokens():
    values = states(3, 4, 5)
    pooled, mask = extract("pooled", values, MASK)
    expected = np.stack([values[0].mean(0), values[1, :2].mean(0), values[2, 1:].mean(0)])[:, None]
    np.testing.assert_allclose(pooled, expected, rtol=1e-12)
    assert mask.tolist() == [[1], [1], [1]]


def test_tokens_are_the_states_themselves():
    values = states(3, 4, 5)
    found, mask = extract("tokens", values, MASK)
    assert torch.equal(found, values) and torch.equal(mask, MASK)
    assert width("tokens", 5) == width("pooled", 5) == 5


def test_a_band_keeps_the_tokens_mask():
    found, mask = extract("band_2", states(3, 4, 5), MASK)
    assert found.shape == (3, 4, 3)
    assert torch.equal(mask, MASK)


@every_feature
@given(weight=st.floats(0, 1), seed=st.integers(0, 99))
def test_a_mix_of_layers_may_be_taken_before_or_after(name, weight, seed):
    first, second = states(3, 4, 6, seed=seed), states(3, 4, 6, seed=seed + 1)
    before = extract(name, weight * first + (1 - weight) * second, MASK)[0]
    after = weight * extract(name, first, MASK)[0] + (1 - weight) * extract(name, second, MASK)[0]
    torch.testing.assert_close(before, after, atol=1e-12, rtol=1e-9)


@every_feature
def test_padding_never_counts(name):
    values, other = states(3, 4, 6), states(3, 4, 6)
    other[MASK == 0] = 1e9
    (mine, mask), (theirs, _) = extract(name, values, MASK), extract(name, other, MASK)
    torch.testing.assert_close(mine[mask.bool()], theirs[mask.bool()])


@every_feature
def test_half_precision_is_widened(name):
    values = states(3, 4, 6).bfloat16()
    found = extract(name, values, MASK)[0]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, extract(name, values.double(), MASK)[0].float())
