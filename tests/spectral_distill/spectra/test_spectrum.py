"""Every spectral function against a naive DFT, and the properties that tie them together.

float64 must agree to rounding. In float32 an orthonormal transform of H values of size s errs by about
eps * log2(H) * s * sqrt(H) at worst; with H <= 64 and s <= 10 that is 6e-5, so 1e-4 is allowed.
"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from spectral_distill.spectra import transforms as spectrum

F32, F64 = {"atol": 1e-4, "rtol": 1e-4}, {"atol": 1e-10, "rtol": 1e-10}
TOLERANCES = [(torch.float32, F32), (torch.float64, F64)]


def naive_dft(signal: np.ndarray) -> np.ndarray:
    """The definition, orthonormal and two-sided, over the last axis: sum_n x[n] exp(-2 pi i k n / N) / sqrt(N)."""
    n = signal.shape[-1]
    return signal @ np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n) / np.sqrt(n)


def random_array(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def as_complex(parts: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    return torch.complex(*parts)


def two_sided(fingerprint: np.ndarray, length: int) -> np.ndarray:
    """The full spectrum that a one-sided one stands for, bin by bin."""
    mirrored = fingerprint[..., 1 : (length + 1) // 2][..., ::-1]
    return np.concatenate([fingerprint, mirrored], axis=-1)


def padded(texts: list[np.ndarray], length: int, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Texts [n, H] as a batch [B, length, H] with its mask [B, length]."""
    states, mask = np.zeros((len(texts), length, texts[0].shape[-1])), np.zeros((len(texts), length))
    for row, text in enumerate(texts):
        place = slice(0, len(text)) if side == "right" else slice(length - len(text), length)
        states[row, place], mask[row, place] = text, 1
    return states, mask


finite = st.floats(-10, 10, allow_nan=False, width=32)
vectors = npst.arrays(np.float64, st.integers(1, 64), elements=finite)
magnitudes = npst.arrays(np.float64, st.integers(2, 33), elements=st.floats(1e-3, 10))
lengths = st.integers(1, 64)


@pytest.mark.parametrize(("dtype", "close"), TOLERANCES)
@pytest.mark.parametrize("length", [1, 2, 7, 16, 33, 64])
def test_channel_magnitude_is_that_of_the_first_half_of_the_dft(length, dtype, close):
    states = random_array(2, 3, length)
    found = spectrum.channel_magnitude(torch.tensor(states, dtype=dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found.numpy(), np.abs(naive_dft(states))[..., : length // 2 + 1], **close)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_widened_before_every_transform(dtype):
    states = torch.tensor(random_array(1, 16, 64), dtype=dtype)
    known = states.double().numpy()
    channels = spectrum.channel_magnitude(states)
    tokens = as_complex(spectrum.token_spectrum(states, torch.ones(1, 16), 16))
    assert (channels.dtype, tokens.dtype) == (torch.float32, torch.complex64)
    np.testing.assert_allclose(channels.numpy(), np.abs(naive_dft(known))[..., :33], **F32)
    np.testing.assert_allclose(tokens[0].numpy(), naive_dft(known[0].T).T[:9], **F32)


@given(vectors)
def test_parseval_with_mirrored_bins_counted_twice(signal):
    power = spectrum.channel_magnitude(torch.from_numpy(signal)).square()
    total = (power * spectrum.two_sided_weights(len(signal))).sum()
    np.testing.assert_allclose(total, (signal**2).sum(), rtol=1e-9, atol=1e-9)


@given(vectors, finite, st.integers(0, 63))
def test_channel_magnitude_scales_with_the_signal_and_does_not_know_where_it_starts(signal, factor, shift):
    once = spectrum.channel_magnitude(torch.from_numpy(signal))
    moved = spectrum.channel_magnitude(torch.from_numpy(np.roll(factor * signal, shift)))
    np.testing.assert_allclose(moved, abs(factor) * once, rtol=1e-9, atol=1e-9)


@given(lengths, st.data())
def test_an_impulse_is_flat(length, data):
    impulse = torch.zeros(length, dtype=torch.float64)
    impulse[data.draw(st.integers(0, length - 1))] = 1
    np.testing.assert_allclose(spectrum.channel_magnitude(impulse), length**-0.5, **F64)


@given(st.integers(3, 64), st.data())
def test_a_sine_is_one_bin(length, data):
    frequency = data.draw(st.integers(1, (length - 1) // 2))
    wave = torch.from_numpy(np.sin(2 * np.pi * frequency * np.arange(length) / length))
    expected = np.zeros(length // 2 + 1)
    expected[frequency] = np.sqrt(length) / 2
    np.testing.assert_allclose(spectrum.channel_magnitude(wave), expected, **F64)


@given(vectors)
def test_two_sided_weights_turn_half_a_spectrum_into_the_mean_over_a_whole_one(signal):
    weights = spectrum.two_sided_weights(len(signal))
    one_sided = spectrum.channel_magnitude(torch.from_numpy(signal))
    assert weights.sum() == len(signal)
    np.testing.assert_allclose(
        spectrum.intensity(one_sided, weights), np.abs(np.fft.fft(signal, norm="ortho")).mean(), rtol=1e-9, atol=1e-9
    )


@given(npst.arrays(np.float64, st.tuples(st.just(2), st.integers(1, 9)), elements=finite))
def test_magnitude_is_that_of_a_complex_number(parts):
    found = spectrum.magnitude(*map(torch.from_numpy, parts))
    np.testing.assert_allclose(found, np.hypot(*parts), **F64)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(("dtype", "close"), TOLERANCES)
def test_token_spectrum_is_the_texts_own_transform_where_both_have_the_frequency(side, dtype, close):
    """g / points = k / n cycles per token: texts that divide the grid, texts beyond it, and some between."""
    points, texts = 24, [random_array(n, 5, seed=n) for n in (1, 2, 3, 8, 12, 16, 24, 36, 48)]
    states, mask = padded(texts, 48, side)
    found = as_complex(spectrum.token_spectrum(torch.tensor(states, dtype=dtype), torch.tensor(mask), points)).numpy()
    for row, text in enumerate(texts):
        shared = np.arange(0, points // 2 + 1, points // math.gcd(points, len(text)))
        own = np.fft.fft(text, axis=0, norm="ortho")[shared * len(text) // points]
        np.testing.assert_allclose(np.abs(found[row, shared]), np.abs(own), **close)
        if side == "right":
            np.testing.assert_allclose(found[row, shared], own, **close)


@pytest.mark.parametrize(("dtype", "close"), TOLERANCES)
@pytest.mark.parametrize(("points", "tokens"), [(10, 7), (9, 7), (8, 9), (32, 512)])
def test_token_spectrum_between_those_frequencies_is_the_discrete_time_transform(points, tokens, dtype, close):
    text = random_array(tokens, 3)
    cycles = np.arange(points // 2 + 1) / points
    expected = np.exp(-2j * np.pi * np.outer(cycles, np.arange(tokens))) @ text / np.sqrt(tokens)
    found = spectrum.token_spectrum(torch.tensor(text, dtype=dtype)[None], torch.ones(1, tokens), points)
    np.testing.assert_allclose(as_complex(found)[0], expected, **close)


@given(st.integers(1, 40), st.integers(0, 8), st.integers(0, 8), st.integers(0, 3))
def test_padding_changes_the_phase_of_a_token_spectrum_alone(tokens, left, right, seed):
    text = random_array(tokens, 4, seed=seed)
    states = np.full((1, left + tokens + right, 4), 7.0)  # padding positions hold values, as in a real model
    states[0, left : left + tokens] = text
    mask = torch.zeros(1, left + tokens + right)
    mask[0, left : left + tokens] = 1
    alone = as_complex(spectrum.token_spectrum(torch.from_numpy(text)[None], torch.ones(1, tokens), 26))
    found = as_complex(spectrum.token_spectrum(torch.from_numpy(states), mask, 26))
    np.testing.assert_allclose(found.abs(), alone.abs(), **F64)
    if left == 0:
        np.testing.assert_allclose(found, alone, **F64)


@given(npst.arrays(np.float64, st.tuples(st.just(2), st.integers(1, 40)), elements=finite), finite, finite)
def test_token_spectrum_is_linear(pair, a, b):
    def transform(signal):
        return as_complex(spectrum.token_spectrum(torch.from_numpy(signal)[None, :, None], mask, 32))

    mask = torch.ones(1, pair.shape[1])
    x, y = pair
    np.testing.assert_allclose(transform(a * x + b * y), a * transform(x) + b * transform(y), rtol=1e-9, atol=1e-9)


@given(st.integers(1, 40), st.data())
def test_an_impulse_at_any_token_is_flat(tokens, data):
    states = torch.zeros(1, tokens, 1, dtype=torch.float64)
    states[0, data.draw(st.integers(0, tokens - 1))] = 1
    found = spectrum.magnitude(*spectrum.token_spectrum(states, torch.ones(1, tokens), 32))
    np.testing.assert_allclose(found, tokens**-0.5, **F64)


@given(st.integers(1, 15), st.integers(1, 3))
def test_a_sine_over_tokens_is_one_bin(frequency, rounds):
    """In a text of one or several whole rounds of the grid; its magnitude grows with the square root of the length."""
    tokens = 32 * rounds
    wave = torch.from_numpy(np.sin(2 * np.pi * frequency * np.arange(tokens) / 32))[None, :, None]
    found = spectrum.magnitude(*spectrum.token_spectrum(wave, torch.ones(1, tokens), 32))[0, :, 0]
    np.testing.assert_allclose(found, np.sqrt(tokens) / 2 * (np.arange(17) == frequency), **F64)


@given(npst.arrays(np.float64, st.tuples(st.integers(1, 32), st.just(2)), elements=finite))
def test_parseval_over_tokens_on_a_grid_that_holds_the_text(text):
    """The grid of 32 points oversamples n tokens 32 / n times."""
    power = spectrum.magnitude(*spectrum.token_spectrum(torch.from_numpy(text)[None], torch.ones(1, len(text)), 32))
    total = (power[0].square() * spectrum.two_sided_weights(32)[:, None]).sum(dim=0)
    np.testing.assert_allclose(total * len(text) / 32, (text**2).sum(axis=0), rtol=1e-9, atol=1e-9)


def test_a_text_without_tokens_has_an_empty_spectrum():
    found = as_complex(spectrum.token_spectrum(torch.ones(1, 3, 2), torch.zeros(1, 3), 8))
    assert torch.equal(found, torch.zeros(1, 5, 2, dtype=torch.complex64))


@pytest.mark.parametrize(("dtype", "close"), TOLERANCES)
def test_rms_is_over_channels(dtype, close):
    states = random_array(4, 5, 16)
    np.testing.assert_allclose(spectrum.rms(torch.tensor(states, dtype=dtype)), np.sqrt((states**2).mean(-1)), **close)


@given(npst.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=finite), st.floats(0.5, 8))
def test_clipping_bounds_outliers_and_leaves_the_rest(states, sigmas):
    channels = states.shape[-1]
    limit = sigmas * 1.4826 * np.sort(np.abs(states), axis=-1)[:, [(channels - 1) // 2]]  # of two middles the lower
    found = spectrum.clip_outliers(torch.from_numpy(states), sigmas).numpy()
    np.testing.assert_allclose(found, np.clip(states, -limit, limit), **F64)
    inside = np.abs(states) <= limit
    assert np.array_equal(found[inside], states[inside])


def test_clipping_cuts_a_spike_only():
    token = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, 50.0])
    assert spectrum.clip_outliers(token, 2.0).tolist() == pytest.approx([1, -1, 1, -1, 1, 2.9652])


@given(magnitudes, st.booleans(), st.data())
def test_intensity_is_the_weighted_mean_of_the_lowest_bins(fingerprint, even, data):
    length = 2 * (len(fingerprint) - 1) + (not even)
    bins = data.draw(st.integers(1, len(fingerprint)))
    counts = np.array([1 if k == 0 or 2 * k == length else 2 for k in range(bins)])
    found = spectrum.intensity(torch.from_numpy(fingerprint), spectrum.two_sided_weights(length), bins)
    np.testing.assert_allclose(found, np.average(fingerprint[:bins], weights=counts), **F64)


@given(magnitudes, st.booleans())
def test_entropy_is_that_of_the_two_sided_power(fingerprint, even):
    length = 2 * (len(fingerprint) - 1) + (not even)
    share = two_sided(fingerprint, length) ** 2
    share /= share.sum()
    found = spectrum.spectral_entropy(torch.from_numpy(fingerprint), spectrum.two_sided_weights(length))
    np.testing.assert_allclose(found, -(share * np.log(share)).sum() / np.log(length), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("length", [15, 16])
def test_entropy_of_white_is_one_and_of_one_bin_zero(length):
    bins, weights = length // 2 + 1, spectrum.two_sided_weights(length)
    constant = torch.eye(bins, dtype=torch.float64)[0]
    wave = torch.eye(bins, dtype=torch.float64)[2]
    assert float(spectrum.spectral_entropy(torch.full((bins,), 3.0, dtype=torch.float64), weights)) == pytest.approx(1)
    assert float(spectrum.spectral_entropy(constant, weights)) == pytest.approx(0, abs=1e-12)
    # A sine fills its bin and the mirrored one: two equal shares.
    assert float(spectrum.spectral_entropy(wave, weights)) == pytest.approx(np.log(2) / np.log(length))


@given(magnitudes, st.floats(0.1, 10))
def test_entropy_and_band_shares_do_not_know_scale(fingerprint, factor):
    weights, one = spectrum.two_sided_weights(2 * len(fingerprint) - 2), torch.from_numpy(fingerprint)
    for measure in (spectrum.spectral_entropy, lambda f, w: spectrum.band_shares(f, w, 2)):
        np.testing.assert_allclose(measure(factor * one, weights), measure(one, weights), rtol=1e-9)


@pytest.mark.parametrize("length", [16, 17, 30])
def test_band_shares_are_power_over_that_of_white(length):
    fingerprint = np.abs(random_array(3, length // 2 + 1))
    weights = spectrum.two_sided_weights(length)
    found = spectrum.band_shares(torch.from_numpy(fingerprint), weights, 4).numpy()
    counts = np.array_split(weights.numpy(), 4)
    power = [part.sum(-1) for part in np.array_split(fingerprint**2 * weights.numpy(), 4, axis=-1)]
    for band in range(4):
        expected = power[band] / sum(power) / (counts[band].sum() / length)
        np.testing.assert_allclose(found[:, band], expected, **F64)
    np.testing.assert_allclose(np.average(found, axis=-1, weights=[part.sum() for part in counts]), 1, **F64)


def test_band_shares_of_white_are_one_and_of_low_frequencies_alone_are_in_the_first_band():
    weights = spectrum.two_sided_weights(16)
    np.testing.assert_allclose(spectrum.band_shares(torch.ones(9, dtype=torch.float64), weights, 3), [1, 1, 1], **F64)
    low = torch.tensor([1.0, 1, 0, 0, 0, 0, 0, 0, 0], dtype=torch.float64)
    np.testing.assert_allclose(spectrum.band_shares(low, weights, 3), [16 / 5, 0, 0], **F64)


@given(magnitudes, st.floats(0, 3))
def test_distance_is_zero_for_equals_and_relative_otherwise(fingerprint, change):
    weights, one = spectrum.two_sided_weights(2 * len(fingerprint) - 2), torch.from_numpy(fingerprint)
    assert float(spectrum.spectral_distance(one, one, weights)) == 0
    assert float(spectrum.spectral_distance((1 + change) * one, one, weights)) == pytest.approx(change, abs=1e-12)


def test_distance_is_the_two_sided_norm():
    first, second = np.abs(random_array(2, 9))
    full_first, full_second = two_sided(first, 16), two_sided(second, 16)
    expected = np.linalg.norm(full_first - full_second) / np.linalg.norm(full_second)
    found = spectrum.spectral_distance(*map(torch.from_numpy, (first, second)), spectrum.two_sided_weights(16))
    assert float(found) == pytest.approx(expected)


@pytest.mark.parametrize("function", [spectrum.spectral_entropy, lambda f, w: spectrum.band_shares(f, w, 2)])
def test_a_silent_layer_gives_numbers(function):
    assert torch.isfinite(function(torch.zeros(9, dtype=torch.float64), spectrum.two_sided_weights(16))).all()
