"""What is recorded of the teacher: its answers, and just those layers and features that candidates ask for."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch

from spectral_distill.core.settings import SignalOptions
from spectral_distill.data.dataset import UNLABELLED
from spectral_distill.distillation.candidates import Candidate, parse_candidate
from spectral_distill.distillation.capturing import capture
from spectral_distill.distillation.features import extract
from spectral_distill.distillation.signals import Signals
from spectral_distill.distillation.signals_facts import Feature, SignalsFacts
from spectral_distill.selection.mapping import Selection
from tests.support.dataset import split_of
from tests.support.models import MAX_TOKENS

CHANNELS, TRAIN = 32, 96
NEAR = {"atol": 1e-5, "rtol": 2**-8}  # hidden states are recorded in bfloat16, which keeps 8 bits


@pytest.fixture
def record(tiny_classifier, tiny_data, tmp_path):
    """Record for candidates, given as settings with the teacher layers of their selections."""

    def recorded(*wanted: tuple[dict[str, Any], list[list[int]]], budget: float = 1.0) -> dict[str, Any]:
        candidates = [candidate(**settings) for settings, _ in wanted]
        selections = {one.name: selection(layers) for one, (_, layers) in zip(candidates, wanted, strict=True)}
        return capture(
            teacher=tiny_classifier, data=tiny_data, candidates=candidates, selections=selections,
            options=SignalOptions(signals_budget_gib=budget), checkpoints={"demo:minilm": "sha256:abc"},
            target=tmp_path / "signals",
        )  # fmt: skip

    return recorded


@pytest.fixture
def signals(tiny_data, tmp_path):
    """Open what was recorded for a split."""
    return lambda split="train": Signals(tmp_path / "signals", tiny_data[split]["id"])


def candidate(**settings: Any) -> Candidate:
    return parse_candidate({"strategy": "uniform", "layers": 2} | settings)


def selection(layers: list[list[int]]) -> Selection:
    """Each student layer the mean of some teacher layers."""
    return Selection(strategy="uniform", depth=4, layers=[[(layer, 1 / len(mix)) for layer in mix] for mix in layers])


def layers_of(found: Signals) -> dict[str, list[int]]:
    return {name: about.layers for name, about in found.features.items()}


def bytes_in_file(folder: Path, name: str) -> int:
    with pa.memory_map(str(folder / "signals.arrow")) as stream:
        column = pa.ipc.open_file(stream).read_all()[name]
    return sum(chunk.values.nbytes for chunk in column.chunks)


def test_only_layers_and_features_that_are_wanted_are_recorded(record, signals):
    record(
        ({"alignment": "none"}, [[0], [1]]),
        ({"alignment": "hidden_mse"}, [[1], [3]]),
        ({"alignment": "spectral", "seed": 1}, [[0, 1], [3]]),
        ({"alignment": "pooled", "aligned_layers": "last"}, [[0], [2, 3]]),
        ({"alignment": "band_limited", "alignment_bins": 3}, [[2], [3]]),
    )
    assert layers_of(signals()) == {"tokens": [0, 1, 3], "pooled": [2, 3], "band_3": [2, 3]}
    assert {name: about.width for name, about in signals().features.items()} == {
        "tokens": CHANNELS, "pooled": CHANNELS, "band_3": 5
    }  # fmt: skip


def test_without_alignment_only_logits_are_recorded(record, signals, tmp_path):
    facts = record(({"alignment": "none"}, [[0], [3]]))
    assert signals().features == {} and facts.gib == {} and facts.over_budget == []
    with pa.memory_map(str(tmp_path / "signals" / "signals.arrow")) as stream:
        assert pa.ipc.open_file(stream).schema.names == ["id", "logits"]


@pytest.fixture
def unlabelled(monkeypatch, tiny_data):
    """Three more texts, without labels."""
    texts = split_of([("find my lost parcel", None), ("refund it", None), ("a plan", None)])
    monkeypatch.setitem(tiny_data, UNLABELLED, texts)
    return texts


def test_unlabelled_texts_are_recorded_as_training_texts_are(unlabelled, record, signals, tiny_classifier, tmp_path):
    facts = record(({"alignment": "hidden_mse"}, [[1], [3]]))
    assert facts.texts == TRAIN + 3
    assert bytes_in_file(tmp_path / "signals", "tokens") == 2 * facts.tokens * 2 * CHANNELS
    torch.testing.assert_close(
        signals(UNLABELLED).logits, torch.from_numpy(tiny_classifier.logits(unlabelled["text"])), **NEAR
    )


@pytest.mark.parametrize("split", ["train", "validation"])
def test_logits_are_the_teachers_in_the_order_of_the_split(split, record, signals, tiny_classifier, tiny_data):
    record(({}, [[0], [3]]))
    expected = torch.from_numpy(tiny_classifier.logits(tiny_data[split]["text"]))
    torch.testing.assert_close(signals(split).logits, expected, **NEAR)
    assert len(expected.unique(dim=0)) > 1, "the order can be told"


@pytest.mark.parametrize(
    ("alignment", "name"), [("hidden_mse", "tokens"), ("pooled", "pooled"), ("band_limited", "band_8")]
)
def test_features_are_those_of_the_encoder_layers_outputs(alignment, name, record, signals, tiny_classifier, tiny_data):
    """One text at a time, without padding. Layer 0 is the first encoder layer, not the embeddings."""
    record(({"alignment": alignment}, [[0], [2]]))
    found, texts = signals(), tiny_data["train"]["text"]
    for index in (0, 17, 95):
        ids = torch.tensor(tiny_classifier.tokenize([texts[index]]))
        with torch.no_grad():
            states = tiny_classifier.model.eval()(ids, output_hidden_states=True).hidden_states
        for layer in (0, 2):
            expected, mask = extract(name, states[layer + 1], torch.ones_like(ids))
            torch.testing.assert_close(found.batch(name, [layer], [index], mask)[layer], expected, **NEAR)


def test_the_budget_is_kept_to_the_byte(record, signals, tmp_path, capsys):
    """What fits exactly is recorded; with a byte less it is not."""
    wanted = ({"alignment": "hidden_mse"}, [[1], [3]])
    record(wanted)
    size = bytes_in_file(tmp_path / "signals", "tokens")
    assert size == 2 * SignalsFacts.load(tmp_path / "signals").tokens * 2 * CHANNELS
    assert record(wanted, budget=size / 2**30).over_budget == []
    assert layers_of(signals()) == {"tokens": [1, 3]}
    assert "over the budget" not in capsys.readouterr().err
    assert record(wanted, budget=(size - 1) / 2**30).over_budget == ["tokens"]
    assert signals().features == {}
    assert "tokens of the teacher's hidden states need" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "alignment"), [("pooled", "pooled"), ("band_8", "band_limited")])
def test_sizes_of_small_features_are_estimated_to_the_byte(name, alignment, record, signals, tmp_path):
    wanted = ({"alignment": alignment}, [[1], [3]])
    record(wanted)
    size = bytes_in_file(tmp_path / "signals", name)
    assert record(wanted, budget=size / 2**30).over_budget == []
    assert record(wanted, budget=(size - 1) / 2**30).over_budget == [name]


def test_the_budget_drops_the_largest_with_a_note(record, signals, tmp_path, capsys):
    wanted = [
        ({"alignment": "hidden_mse"}, [[1], [3]]),
        ({"alignment": "pooled"}, [[1], [3]]),
        ({"alignment": "band_limited"}, [[1], [3]]),
    ]
    record(*wanted)
    pooled, band, tokens = (bytes_in_file(tmp_path / "signals", name) for name in ("pooled", "band_8", "tokens"))
    assert pooled < band < tokens
    facts = record(*wanted, budget=(pooled + tokens) / 2**30)
    assert facts.over_budget == ["tokens"], "small ones first: tokens would fit beside pooled, not beside both"
    assert sorted(signals().features) == ["band_8", "pooled"]
    [note] = [line for line in capsys.readouterr().err.splitlines() if "over the budget" in line]
    assert "tokens of the teacher's hidden states" in note and "run the teacher in every step" in note


def test_the_facts_tell_what_was_seen(record, tiny_classifier, tiny_data, tmp_path):
    facts = record(({"alignment": "hidden_mse"}, [[1], [3]]), budget=2.5)
    tokens = sum(map(len, tiny_classifier.tokenize(tiny_data["train"]["text"])))
    assert facts == SignalsFacts(
        texts=TRAIN, tokens=tokens, depth=4, gib={"tokens": round(2 * tokens * 2 * CHANNELS / 2**30, 4)},
        over_budget=[], checkpoints={"demo:minilm": "sha256:abc"}, signals_budget_gib=2.5,
        features={"tokens": Feature(layers=[1, 3], width=CHANNELS)},
    )  # fmt: skip
    assert SignalsFacts.load(tmp_path / "signals") == facts


def test_the_teacher_is_left_as_it_was(record, tiny_classifier):
    before = {name: value.clone() for name, value in tiny_classifier.model.state_dict().items()}
    record(({"alignment": "hidden_mse"}, [[1], [3]]))
    assert all(torch.equal(value, before[name]) for name, value in tiny_classifier.model.state_dict().items())
    assert tiny_classifier.max_tokens == MAX_TOKENS
    assert all(parameter.requires_grad for parameter in tiny_classifier.model.parameters())
