"""Recorded signals come back as they were, whatever the order they are asked for in."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spectral_distill.distillation.signals import Signals, TextSignals, write_signals
from spectral_distill.distillation.signals_facts import Feature, SignalsFacts
from tests.support.artifacts import signals_facts

CLASSES = 5
FEATURES = {"tokens": Feature(layers=[0, 2, 3], width=4), "pooled": Feature(layers=[1], width=6)}
LENGTHS = [7, 6, 4, 3, 1]


def some_signals(features: bool = True) -> list[TextSignals]:
    """Five texts with features, and one as of the validation split, without; every recorded number is another one."""
    taught = [
        TextSignals(id=f"text-{index}", logits=_logits(index), features=_recorded(index, tokens) if features else {})
        for index, tokens in enumerate(LENGTHS)
    ]
    return [*taught, TextSignals(id="validation-0", logits=_logits(9))]


def _logits(index: int) -> np.ndarray:
    return np.arange(1, CLASSES + 1, dtype=np.float32) + 10 * index


def _recorded(index: int, tokens: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(index)
    rows = {"tokens": tokens, "pooled": 1}
    return {
        name: torch.randn(len(about.layers), rows[name], about.width, generator=generator).bfloat16()
        for name, about in FEATURES.items()
    }


@pytest.fixture(params=[1, 2, 6], ids="batches of {}".format)
def written(request, tmp_path):
    signals = some_signals()
    batches = (signals[start : start + request.param] for start in range(0, len(signals), request.param))
    write_signals(batches, signals_facts(FEATURES, texts=5), tmp_path)
    return tmp_path


def columns(folder: Path) -> pa.Table:
    with pa.memory_map(str(folder / "signals.arrow")) as stream:
        return pa.ipc.open_file(stream).read_all()


def mask_of(lengths: list[int], left: bool = False) -> torch.Tensor:
    place = torch.arange(max(lengths))
    return ((place.flip(0) if left else place) < torch.tensor(lengths)[:, None]).long()


@pytest.mark.parametrize("layers", [[0, 2, 3], [3, 0], [2]], ids=str)
@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
def test_a_batch_holds_each_text_in_its_place(written, left, layers):
    order, texts = [3, 0, 4, 2, 1], some_signals()
    signals = Signals(written, [texts[index].id for index in order])
    asked = [4, 0, 2]  # positions of the ids: texts 1, 3 and 4
    lengths = [LENGTHS[order[position]] for position in asked]
    mask = mask_of(lengths, left)
    batch = signals.batch("tokens", layers, asked, mask)
    assert list(batch) == layers
    for layer in layers:
        assert batch[layer].dtype == torch.float32
        assert batch[layer].shape == (3, 6, 4)
        assert (batch[layer][mask == 0] == 0).all()
        for row, position in enumerate(asked):
            recorded = texts[order[position]].features["tokens"][[0, 2, 3].index(layer)]
            assert torch.equal(batch[layer][row][mask[row] == 1], recorded.float())


def test_a_pooled_feature_has_one_row_a_text(written):
    texts = some_signals()
    signals = Signals(written, ["text-2", "text-0"])
    batch = signals.batch("pooled", [1], [1, 0], torch.ones(2, 1, dtype=torch.int64))
    assert list(batch) == [1]
    for row, text in enumerate((texts[0], texts[2])):
        assert torch.equal(batch[1][row], text.features["pooled"][0].float())


def test_logits_follow_the_ids_that_are_asked_for(written):
    texts = some_signals()
    signals = Signals(written, ["validation-0", "text-4", "text-1"])
    assert torch.equal(signals.logits, torch.tensor(np.stack([texts[index].logits for index in (5, 4, 1)])))


def test_logits_are_float32_and_a_copy(written):
    signals = Signals(written, ["text-0"])
    assert signals.logits.dtype == torch.float32
    signals.logits[0] = 0.0
    assert Signals(written, ["text-0"]).logits.abs().min() > 0


def test_an_unknown_text_is_an_error(written):
    with pytest.raises(KeyError, match="text-9"):
        Signals(written, ["text-9"])


def test_the_facts_tell_what_was_recorded(written):
    assert Signals(written, ["text-0"]).features == FEATURES
    facts = SignalsFacts.load(written)
    assert facts.texts == 5
    assert facts.features["tokens"] == Feature(layers=[0, 2, 3], width=4)


def test_without_features_the_file_has_none(tmp_path):
    write_signals([some_signals(features=False)], signals_facts({}), tmp_path)
    signals = Signals(tmp_path, ["text-2"])
    assert signals.features == {}
    assert signals.logits[0].tolist() == some_signals()[2].logits.tolist()
    assert columns(tmp_path).schema.names == ["id", "logits"]


def test_the_file_is_plain_arrow_that_anyone_reads(written):
    """bfloat16 is the upper half of a float32: shifted up by 16 bits, NumPy reads it."""
    row = columns(written).to_pylist()[2]
    recorded = some_signals()[2].features["tokens"]
    found = (np.array(row["tokens"], dtype=np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(found.reshape(3, LENGTHS[2], 4), recorded.float())
    assert row["id"] == "text-2" and row["logits"] == some_signals()[2].logits.tolist()
    assert columns(written).to_pylist()[5]["tokens"] == []


@pytest.mark.parametrize(("name", "rows"), [("tokens", sum(LENGTHS)), ("pooled", len(LENGTHS))])
def test_sizes_count_the_bytes_that_are_written(written, name, rows):
    numbers = sum(len(row) for row in columns(written)[name].to_pylist())
    assert FEATURES[name].bytes_of(rows) == 2 * numbers


@given(
    values=st.lists(
        st.floats(width=16, allow_nan=False, allow_infinity=False) | st.sampled_from([3e38, -1e-38, 0.0, -0.0]),
        min_size=1, max_size=24,
    )
)  # fmt: skip
def test_any_bfloat16_comes_back_bit_by_bit(values, tmp_path_factory):
    folder = tmp_path_factory.mktemp("signals")
    recorded = torch.tensor(values).bfloat16().reshape(1, -1, 1)
    text = TextSignals(id="a", logits=_logits(0), features={"tokens": recorded})
    write_signals([[text]], signals_facts({"tokens": Feature(layers=[7], width=1)}), folder)
    mask = torch.ones(1, len(values), dtype=torch.int64)
    found = Signals(folder, ["a"]).batch("tokens", [7], [0], mask)[7]
    assert torch.equal(found[0].bfloat16().view(torch.int16), recorded[0].view(torch.int16))
