"""The streaming meter against a computation text by text and token by token in NumPy."""

import json

import numpy as np
import pytest
import torch
from helpers import MAX_TOKENS, tiny_bert_config, tiny_tokenizer
from transformers import BertForSequenceClassification

from components.foundation.spectral_profile import SpectralMeter, load_profile, profile_classifier, token_grid
from components.foundation.spectrum import two_sided_weights
from components.foundation.text_model import TextClassifier

DEPTH, CHANNELS, POINTS, SIGMAS = 2, 6, 10, 1.5
LENGTHS = [1, 4, 9, 2, 7]
VARIANTS = {"channel": ("raw", "rms", "clipped", "permuted"), "token": ("raw", "rms", "clipped")}
NAMES = [f"{axis}/{quantity}/{it}" for axis in VARIANTS for quantity in ("state", "update") for it in VARIANTS[axis]]


def texts_of_states() -> list[np.ndarray]:
    """Hidden states of a few texts, each [D + 1, n, H], with one loud channel as real ones have."""
    random = np.random.default_rng(0)
    texts = [random.normal(size=(DEPTH + 1, n, CHANNELS)) for n in LENGTHS]
    for text in texts:
        text[..., 3] *= 8
    return texts


def metered(texts: list[np.ndarray], batch: int, *, extra: int = 0, side: str = "right", dtype=torch.float64):
    meter = SpectralMeter(points=POINTS, clip_sigmas=SIGMAS)
    for start in range(0, len(texts), batch):
        meter.update(*as_batch(texts[start : start + batch], extra, side, dtype))
    return meter.profile(bins=0)


def as_batch(texts, extra, side, dtype):
    longest = max(text.shape[1] for text in texts) + extra
    states = np.full((DEPTH + 1, len(texts), longest, CHANNELS), 5.0)  # padding positions are not empty in a real model
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


def by_hand(texts: list[np.ndarray], name: str) -> np.ndarray:
    """Fingerprint [layers, bins]: mean magnitude over tokens (channel axis) or texts and channels (token axis)."""
    axis, quantity, variant = name.split("/")
    rows = []
    for layer in range(DEPTH + 1) if quantity == "state" else range(1, DEPTH + 1):
        spectra = []
        for text in texts:
            tokens = variant_of(text[layer] if quantity == "state" else text[layer] - text[layer - 1], variant)
            if axis == "channel":
                spectra += list(np.abs(np.fft.rfft(tokens, norm="ortho")))
            else:
                spectra += list(np.abs(np.fft.rfft(tokens.T, n=POINTS)) / np.sqrt(len(tokens)))
        rows.append(np.mean(spectra, axis=0))
    return np.array(rows)


@pytest.mark.parametrize("name", NAMES)
def test_fingerprint_is_the_mean_over_real_tokens_or_texts(name):
    texts = texts_of_states()
    found = metered(texts, 2).arrays[f"{name}/fingerprint"]
    np.testing.assert_allclose(found, by_hand(texts, name), rtol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_measures_are_those_of_the_fingerprint(name):
    arrays = metered(texts_of_states(), 2).arrays
    length = CHANNELS if name.startswith("channel") else POINTS
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
    expected = {f"{name}/{measure}" for name in NAMES for measure in measures} | {"state/rms", "update/rms"}
    assert metered(texts_of_states(), 2).arrays.keys() == expected


def test_rms_is_the_mean_over_real_tokens():
    texts = texts_of_states()
    states, updates = np.concatenate(texts, axis=1), np.concatenate([np.diff(text, axis=0) for text in texts], axis=1)
    arrays = metered(texts, 2).arrays
    np.testing.assert_allclose(arrays["state/rms"], np.sqrt((states**2).mean(-1)).mean(-1), rtol=1e-10)
    np.testing.assert_allclose(arrays["update/rms"], np.sqrt((updates**2).mean(-1)).mean(-1), rtol=1e-10)


@pytest.mark.parametrize(("batch", "extra", "side"), [(3, 0, "right"), (5, 1, "right"), (3, 1, "left")])
def test_batching_and_padding_do_not_change_the_profile(batch, extra, side):
    texts = texts_of_states()
    expected, found = metered(texts, 1).arrays, metered(texts, batch, extra=extra, side=side).arrays
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-10, err_msg=name)


def test_half_precision_states_are_measured_in_float32():
    texts = [text.astype(np.float16).astype(np.float64) for text in texts_of_states()]
    found = metered(texts, 2, dtype=torch.float16).arrays["channel/state/raw/fingerprint"]
    np.testing.assert_allclose(found, by_hand(texts, "channel/state/raw"), rtol=1e-5)


def test_bins_limit_the_intensity_alone():
    meter = SpectralMeter(points=POINTS, clip_sigmas=SIGMAS)
    meter.update(*as_batch(texts_of_states(), 0, "right", torch.float64))
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


def test_memory_does_not_grow_with_the_stream():
    meter = SpectralMeter(points=POINTS, clip_sigmas=SIGMAS)
    batch = as_batch(texts_of_states(), 0, "right", torch.float32)
    meter.update(*batch)
    after_one = held_numbers(meter)
    for _ in range(9):
        meter.update(*batch)
    assert held_numbers(meter) == after_one


def test_a_saved_profile_loads_as_it_was(tmp_path):
    profile = metered(texts_of_states(), 2)
    profile.save(tmp_path)
    loaded = load_profile(str(tmp_path))
    assert loaded.facts == profile.facts == json.loads((tmp_path / "profile.json").read_text())
    assert loaded.arrays.keys() == profile.arrays.keys()
    assert all(torch.equal(loaded.arrays[name], array) for name, array in profile.arrays.items())


def test_layers_leaves_the_embeddings_out():
    profile = metered(texts_of_states(), 2)
    assert torch.equal(profile.layers("state/rms"), profile.arrays["state/rms"][1:])
    assert torch.equal(profile.layers("update/rms"), profile.arrays["update/rms"])


@pytest.mark.parametrize(("max_tokens", "points"), [(1, 2), (63, 64), (64, 64)])
def test_the_token_grid_is_even_and_holds_the_longest_text(max_tokens, points):
    assert token_grid(max_tokens) == points


def classifier() -> TextClassifier:
    torch.manual_seed(0)
    return TextClassifier(model=BertForSequenceClassification(tiny_bert_config()).eval(), tokenizer=tiny_tokenizer())


def test_a_classifier_is_profiled_as_its_texts_one_by_one(tiny_data):
    model, texts = classifier(), tiny_data["train"]["text"][:40]  # more than a batch
    profile = profile_classifier(model, texts, bins=0, clip_sigmas=4.0)
    fingerprints = []
    with torch.inference_mode():
        for ids in model.tokenize(texts):
            states = model.model(torch.tensor([ids]), output_hidden_states=True).hidden_states
            fingerprints.append(np.abs(np.fft.rfft(torch.cat(states).double().numpy(), norm="ortho")))
    expected = np.concatenate(fingerprints, axis=1).mean(axis=1)
    # The model itself runs in float32, and padding changes the order of its sums. Bin 0 is 0: LayerNorm takes the mean.
    np.testing.assert_allclose(profile.arrays["channel/state/raw/fingerprint"], expected, rtol=1e-5, atol=1e-6)


def test_facts_say_what_was_measured(tiny_data):
    model, texts = classifier(), tiny_data["train"]["text"][:7]
    facts = profile_classifier(model, texts, bins=3, clip_sigmas=4.0).facts
    tokens = sum(map(len, model.tokenize(texts)))
    known = {"depth": 4, "channels": 32, "texts": 7, "tokens": tokens, "bins": 3, "clip_sigmas": 4.0}
    assert facts.items() >= (known | {"token_grid_points": MAX_TOKENS, "bands": 4}).items()
