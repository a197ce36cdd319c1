"""The streaming meter against a computation text by text and token by token in NumPy."""

import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertForSequenceClassification

from spectral_distill.models.text_classifier import TextClassifier
from spectral_distill.spectra.profile import (
    CKA_TEXTS,
    SAMPLE_TEXTS,
    TOKEN_GRID,
    TOKEN_STRIDE,
    SpectralMeter,
    SpectralProfile,
    linear_cka,
    load_profile,
    profile_classifier,
)
from spectral_distill.spectra.transforms import two_sided_weights
from tests.support.models import tiny_bert_config, tiny_tokenizer
from tests.support.profiles import measure

DEPTH, CHANNELS, SIGMAS = 2, 6, 1.5
LENGTHS = [1, 4, 40, 2, 7]  # one is longer than the token grid
VARIANTS = {"channel": ("raw", "rms", "sample", "clipped", "permuted"), "token": ("raw", "rms", "clipped")}
OF_STATES = ("sample", "clipped", "permuted")
NAMES = [
    f"{axis}/{quantity}/{variant}"
    for axis, variants in VARIANTS.items()
    for variant in variants
    for quantity in (("state",) if variant in OF_STATES else ("state", "update"))
]
SAMPLED = [name for name in NAMES if name.endswith(OF_STATES) or name.startswith("token/")]


def texts_of_states(lengths: list[int] = LENGTHS) -> list[np.ndarray]:
    """Hidden states of a few texts, each [D + 1, n, H], with one loud channel as real ones have."""
    random = np.random.default_rng(0)
    texts = [random.normal(size=(DEPTH + 1, n, CHANNELS)) for n in lengths]
    for text in texts:
        text[..., 3] *= 8
    return texts


def metered(
    texts: list[np.ndarray],
    batch: int,
    *,
    order=None,
    extra: int = 0,
    side: str = "right",
    dtype=torch.float64,
    stride: int = 1,
) -> SpectralProfile:
    """The texts' profile, in batches of this size; `order`: in which order the meter sees them."""
    meter = SpectralMeter(clip_sigmas=SIGMAS, token_stride=stride)
    order = list(range(len(texts)) if order is None else order)
    for start in range(0, len(texts), batch):
        positions = order[start : start + batch]
        measure(meter, *as_batch([texts[it] for it in positions], extra, side, dtype), torch.tensor(positions))
    return meter.profile(bins=0)


def as_batch(texts, extra, side, dtype):
    longest = max(text.shape[1] for text in texts) + extra
    # Padding positions are not empty in a real model, and its layers change them as they do others.
    states = np.random.default_rng(1).normal(5, size=(DEPTH + 1, len(texts), longest, CHANNELS))
    mask = np.zeros((len(texts), longest), dtype=int)
    for row, text in enumerate(texts):
        n = text.shape[1]
        place = slice(0, n) if side == "right" else slice(longest - n, longest)
        states[:, row, place], mask[row, place] = text, 1
    return [torch.tensor(layer, dtype=dtype) for layer in states], torch.tensor(mask)


def variant_of(tokens: np.ndarray, variant: str) -> np.ndarray:
    if variant == "rms":
        return tokens / np.sqrt((tokens**2).mean(-1, keepdims=True))
    if variant == "clipped":
        limit = SIGMAS * 1.4826 * np.sort(np.abs(tokens), -1)[:, [(CHANNELS - 1) // 2]]
        return np.clip(tokens, -limit, limit)
    if variant == "permuted":
        return tokens[:, torch.randperm(CHANNELS, generator=torch.Generator().manual_seed(0)).numpy()]
    return tokens


def over_tokens(tokens: np.ndarray) -> np.ndarray:
    """Discrete-time transform of a text [n, H] at the grid's frequencies, by definition: [H, bins]."""
    cycles = np.arange(TOKEN_GRID // 2 + 1) / TOKEN_GRID
    return (np.exp(-2j * np.pi * np.outer(cycles, np.arange(len(tokens)))) @ tokens / np.sqrt(len(tokens))).T


def by_hand(texts: list[np.ndarray], name: str) -> np.ndarray:
    """Fingerprint [layers, bins]: mean magnitude over tokens (channel axis) or texts and channels (token axis)."""
    axis, quantity, variant = name.split("/")
    rows = []
    for layer in range(DEPTH + 1) if quantity == "state" else range(1, DEPTH + 1):
        spectra = []
        for text in texts:
            tokens = variant_of(text[layer] if quantity == "state" else text[layer] - text[layer - 1], variant)
            found = np.fft.rfft(tokens, norm="ortho") if axis == "channel" else over_tokens(tokens)
            spectra += list(np.abs(found))
        rows.append(np.mean(spectra, axis=0))
    return np.array(rows)


def cka_by_hsic(first: np.ndarray, second: np.ndarray) -> float:
    """Linear CKA of features [n, H] by its definition: HSIC(K, L) = tr(K C L C) with centring matrix C."""
    n = len(first)
    centring = np.eye(n) - np.ones((n, n)) / n

    def hsic(one: np.ndarray, other: np.ndarray) -> float:
        return np.trace(one @ one.T @ centring @ other @ other.T @ centring)

    return hsic(first, second) / np.sqrt(hsic(first, first) * hsic(second, second))


def pooled(texts: list[np.ndarray]) -> np.ndarray:
    """Mean over each text's tokens: [D + 1, texts, H]."""
    return np.stack([text.mean(axis=1) for text in texts], axis=1)


@pytest.mark.parametrize("name", NAMES)
def test_fingerprint_is_the_mean_over_real_tokens_or_texts(name):
    texts = texts_of_states()
    found = metered(texts, 2).arrays[f"{name}/fingerprint"]
    np.testing.assert_allclose(found, by_hand(texts, name), rtol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_measures_are_those_of_the_fingerprint(name):
    arrays = metered(texts_of_states(), 2).arrays
    length = CHANNELS if name.startswith("channel") else TOKEN_GRID
    half = arrays[f"{name}/fingerprint"].numpy()
    full = np.concatenate([half, half[:, 1 : length // 2]], axis=1)
    share = full**2 / (full**2).sum(1, keepdims=True)
    np.testing.assert_allclose(arrays[f"{name}/intensity"], full.mean(1), rtol=1e-10)
    np.testing.assert_allclose(arrays[f"{name}/entropy"], -(share * np.log(share)).sum(1) / np.log(length), rtol=1e-10)
    weights = two_sided_weights(length).numpy()
    power = np.array([part.sum(1) for part in np.array_split(half**2 * weights, 4, axis=1)]).T
    white = np.array([part.sum() for part in np.array_split(weights, 4)]) / length
    np.testing.assert_allclose(arrays[f"{name}/band_shares"], power / power.sum(1, keepdims=True) / white, rtol=1e-10)


def test_every_documented_array_is_there_and_no_other():
    measures = ("fingerprint", "intensity", "entropy", "band_shares")
    expected = {f"{name}/{measure}" for name in NAMES for measure in measures}
    expected |= {"state/rms", "update/rms", "update/block_influence", "state/linear_cka"}
    assert metered(texts_of_states(), 2).arrays.keys() == expected


def test_rms_is_the_mean_over_real_tokens():
    texts = texts_of_states()
    states, updates = np.concatenate(texts, axis=1), np.concatenate([np.diff(text, axis=0) for text in texts], axis=1)
    arrays = metered(texts, 2).arrays
    np.testing.assert_allclose(arrays["state/rms"], np.sqrt((states**2).mean(-1)).mean(-1), rtol=1e-10)
    np.testing.assert_allclose(arrays["update/rms"], np.sqrt((updates**2).mean(-1)).mean(-1), rtol=1e-10)


def test_block_influence_is_the_mean_turn_of_real_tokens():
    """1 - cosine of what goes into a layer and what comes out, token by token (ShortGPT, equation 1)."""
    texts = texts_of_states()
    tokens = np.concatenate(texts, axis=1)
    turns = [
        [1 - x @ y / np.linalg.norm(x) / np.linalg.norm(y) for x, y in zip(below, above, strict=True)]
        for below, above in itertools.pairwise(tokens)
    ]
    found = metered(texts, 2).arrays["update/block_influence"]
    np.testing.assert_allclose(found, np.mean(turns, axis=1), rtol=1e-10)


def test_a_layer_that_only_scales_has_no_influence_and_one_that_turns_round_has_two():
    state = np.random.default_rng(0).normal(size=(1, 5, CHANNELS))
    found = metered([np.concatenate([state, 3 * state, -state])], 1).arrays["update/block_influence"]
    np.testing.assert_allclose(found, [0, 2], atol=1e-12)


def test_linear_cka_of_a_profile_is_that_of_mean_pooled_states():
    texts = texts_of_states()
    means = pooled(texts)
    expected = [[cka_by_hsic(first, second) for second in means] for first in means]
    np.testing.assert_allclose(metered(texts, 2).arrays["state/linear_cka"], expected, rtol=1e-9)


@given(st.integers(2, 12), st.integers(1, 8), st.integers(0, 99))
def test_linear_cka_is_by_definition_and_knows_neither_rotation_nor_scale_nor_place(texts, channels, seed):
    random = np.random.default_rng(seed)
    first, second = random.normal(size=(2, texts, channels))
    rotation, _ = np.linalg.qr(random.normal(size=(channels, channels)))
    turned = 0.3 * first @ rotation + random.normal(size=channels)
    found = linear_cka(torch.from_numpy(np.stack([first, second, turned]))).numpy()
    assert found[0, 1] == pytest.approx(cka_by_hsic(first, second), abs=1e-9)
    np.testing.assert_allclose(np.diag(found), 1, rtol=1e-9)
    np.testing.assert_allclose(found, found.T, rtol=1e-12)
    np.testing.assert_allclose([found[0, 2], found[1, 2]], [1, found[0, 1]], rtol=1e-9, atol=1e-12)
    assert (found > -1e-12).all() and (found < 1 + 1e-9).all()


def test_linear_cka_with_a_layer_that_says_the_same_of_every_text_is_zero():
    features = torch.ones(2, 5, 3, dtype=torch.float64)
    features[1] = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 3)))
    np.testing.assert_allclose(linear_cka(features), [[0, 0], [0, 1]], atol=1e-12)


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize(
    ("batch", "order", "extra", "side"),
    [(3, [0, 1, 2, 3, 4], 0, "right"), (5, [2, 4, 1, 3, 0], 1, "right"), (3, [4, 3, 2, 1, 0], 1, "left")],
)
def test_batching_order_and_padding_do_not_change_the_profile(batch, order, extra, side, stride):
    texts = texts_of_states()
    expected = metered(texts, 1, stride=stride).arrays
    found = metered(texts, batch, order=order, extra=extra, side=side, stride=stride).arrays
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-10, err_msg=name)


@pytest.mark.parametrize("stride", [2, 3, 50])
def test_a_stride_measures_its_share_of_the_tokens_of_every_text(stride):
    texts = texts_of_states()
    kept = [text[:, -position % stride :: stride] for position, text in enumerate(texts)]
    arrays = metered(texts, 2, stride=stride).arrays
    for name in NAMES:
        expected = by_hand(texts if name in SAMPLED else kept, name)
        np.testing.assert_allclose(arrays[f"{name}/fingerprint"], expected, rtol=1e-10, err_msg=name)
    tokens = np.concatenate(kept, axis=1)
    np.testing.assert_allclose(arrays["state/rms"], np.sqrt((tokens**2).mean(-1)).mean(-1), rtol=1e-10)


@pytest.mark.parametrize("batch", [7, CKA_TEXTS + 9])
def test_what_is_costly_is_measured_on_the_first_texts_and_the_rest_on_all(batch):
    """Whatever the batches, and whatever the order in which the texts come."""
    texts = texts_of_states([1 + index % 5 for index in range(CKA_TEXTS + 9)])
    order = np.random.default_rng(0).permutation(len(texts)).tolist()
    profile = metered(texts, batch, order=order)
    for name in NAMES:
        measured = texts[:SAMPLE_TEXTS] if name in SAMPLED else texts
        found = profile.arrays[f"{name}/fingerprint"]
        np.testing.assert_allclose(found, by_hand(measured, name), rtol=1e-10, err_msg=name)
    means = pooled(texts[:CKA_TEXTS])
    assert float(profile.arrays["state/linear_cka"][0, 2]) == pytest.approx(cka_by_hsic(means[0], means[2]))
    facts = profile.facts
    assert (facts.texts, facts.sample_texts, facts.cka_texts) == (len(texts), SAMPLE_TEXTS, CKA_TEXTS)


def test_half_precision_states_are_measured_in_float32():
    texts = [text.astype(np.float16).astype(np.float64) for text in texts_of_states()]
    found = metered(texts, 2, dtype=torch.float16).arrays["channel/state/raw/fingerprint"]
    np.testing.assert_allclose(found, by_hand(texts, "channel/state/raw"), rtol=1e-5)


def test_measuring_is_exact_where_the_model_runs_in_bfloat16():
    texts = texts_of_states()
    expected = metered(texts, 2, dtype=torch.float32).arrays
    with torch.autocast("cpu", torch.bfloat16):
        found = metered(texts, 2, dtype=torch.float32).arrays
    for name, array in expected.items():
        assert torch.equal(found[name], array), name


def test_bins_limit_the_intensity_alone():
    meter = SpectralMeter(clip_sigmas=SIGMAS)
    measure(meter, *as_batch(texts_of_states(), 0, "right", torch.float64), torch.arange(5))
    low, full = meter.profile(bins=2).arrays, meter.profile(bins=0).arrays
    fingerprint = full["channel/state/raw/fingerprint"]
    np.testing.assert_allclose(low["channel/state/raw/intensity"], (fingerprint[:, 0] + 2 * fingerprint[:, 1]) / 3)
    assert torch.equal(low["channel/state/raw/entropy"], full["channel/state/raw/entropy"])


def held_numbers(meter: SpectralMeter) -> int:
    """Count of numbers in everything that a meter keeps, wherever it keeps it."""
    pending, count = list(vars(meter).values()), 0
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list | tuple):
            pending += value
        else:
            count += value.numel() if isinstance(value, torch.Tensor) else 1
    return count


def test_memory_does_not_grow_with_the_stream_once_the_first_texts_are_seen():
    meter = SpectralMeter(clip_sigmas=SIGMAS)
    batch, size = as_batch(texts_of_states(), 0, "right", torch.float32), len(LENGTHS)

    def most_held(first: int, end: int) -> int:
        held = []
        for start in range(first, end, size):
            measure(meter, *batch, torch.arange(start, start + size))
            held.append(held_numbers(meter))
        return max(held)

    full, more = -(-CKA_TEXTS // size) * size, 50 * size  # as many batches fill what is gathered several times
    assert most_held(full, full + more) == most_held(full + more, full + 2 * more) > 0
    most_held(0, full)
    assert most_held(full, full + more) == most_held(full + more, full + 2 * more)


def test_a_saved_profile_loads_as_it_was(tmp_path):
    profile = metered(texts_of_states(), 2)
    profile.save(tmp_path)
    loaded = load_profile(str(tmp_path))
    assert loaded.facts == profile.facts
    assert profile.facts.model_dump() == json.loads((tmp_path / "profile.json").read_text())
    assert loaded.arrays.keys() == profile.arrays.keys()
    assert all(torch.equal(loaded.arrays[name], array) for name, array in profile.arrays.items())


def test_layers_leaves_the_embeddings_out():
    profile = metered(texts_of_states(), 2)
    assert torch.equal(profile.layers("state/rms"), profile.arrays["state/rms"][1:])
    assert torch.equal(profile.layers("update/rms"), profile.arrays["update/rms"])


def classifier() -> TextClassifier:
    torch.manual_seed(0)
    return TextClassifier(model=BertForSequenceClassification(tiny_bert_config()).eval(), tokenizer=tiny_tokenizer())


def test_a_classifier_is_profiled_as_its_texts_one_by_one(tiny_data):
    model, texts = classifier(), tiny_data["train"]["text"][:40]  # more than a batch
    profile = profile_classifier(model, texts, bins=0, clip_sigmas=4.0)
    fingerprints = []
    with torch.inference_mode():
        for position, ids in enumerate(model.tokenize(texts)):
            states = model.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
            measured = torch.cat(states)[:, -position % TOKEN_STRIDE :: TOKEN_STRIDE]
            fingerprints.append(np.abs(np.fft.rfft(measured.double().numpy(), norm="ortho")))
    expected = np.concatenate(fingerprints, axis=1).mean(axis=1)
    # The model itself runs in float32, and padding changes the order of its sums. Bin 0 is 0: LayerNorm takes the mean.
    np.testing.assert_allclose(profile.arrays["channel/state/raw/fingerprint"], expected, rtol=1e-5, atol=1e-6)


def test_facts_say_what_was_measured(tiny_data):
    model, texts = classifier(), tiny_data["train"]["text"][:7]
    facts = profile_classifier(model, texts, bins=3, clip_sigmas=4.0).facts
    tokens = sum(map(len, model.tokenize(texts)))
    measured = {"depth": 4, "channels": 32, "texts": 7, "tokens": tokens, "token_stride": 16, "sample_texts": 7}
    settings = {"bins": 3, "clip_sigmas": 4.0, "token_grid_points": 32, "bands": 4}
    assert facts.model_dump().items() >= (measured | settings).items()
    assert facts.frequency_unit["token"] == "cycles per 32 tokens"


def test_texts_that_go_ahead_fill_batches_of_their_own(tiny_data):
    """What is costly is measured in few batches, and all batches go by length."""
    texts = tiny_data["train"]["text"][:40]
    batches = [positions.tolist() for positions, _ in classifier().batches(texts, 8, ahead=(8, 24))]
    assert [len(positions) for positions in batches] == [8] * 5
    order = [place for positions in batches for place in positions]
    assert sorted(order[:8]) == list(range(8))
    assert sorted(order[:24]) == list(range(24))
    assert sorted(order) == list(range(40))
    lengths = [len(ids) for ids in classifier().tokenize(texts)]
    for part in (order[:8], order[8:24], order[24:]):
        assert [lengths[place] for place in part] == sorted((lengths[place] for place in part), reverse=True)


def test_the_sample_of_a_classifier_is_its_first_texts_though_batches_go_by_length(tiny_data):
    """The texts after the first ones are the longest, so that a batch by length begins with them."""
    model, texts = classifier(), tiny_data["train"]["text"]
    first = [texts[index % len(texts)] for index in range(CKA_TEXTS)]
    more = [f"{text} {text} {text}" for text in texts[:9]]
    alone = profile_classifier(model, first, bins=0, clip_sigmas=4.0).arrays
    found = profile_classifier(model, first + more, bins=0, clip_sigmas=4.0).arrays
    for name in [*(f"{name}/fingerprint" for name in SAMPLED), "state/linear_cka"]:
        np.testing.assert_allclose(found[name], alone[name], rtol=1e-4, atol=1e-5, err_msg=name)
    assert not np.allclose(found["channel/state/raw/fingerprint"], alone["channel/state/raw/fingerprint"], rtol=1e-4)
