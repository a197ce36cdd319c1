"""Recorded signals come back as they were, whatever the order they are asked for in."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from components.foundation.signals import Signals, TextSignals, hidden_bytes, load_signal_facts, write_signals

DEPTH, CHANNELS, CLASSES = 3, 4, 5
FACTS = {"hidden": True, "depth": DEPTH, "channels": CHANNELS}


def some_signals(hidden: bool = True) -> list[TextSignals]:
    """Five texts; every recorded number is another one."""
    return [
        TextSignals(
            id=f"text-{index}",
            logits=np.arange(1, CLASSES + 1, dtype=np.float32) + 10 * index,
            tokens=tokens,
            hidden=_hidden(index, tokens) if hidden else None,
        )
        for index, tokens in enumerate([7, 6, 4, 3, 1])
    ]


def _hidden(index: int, tokens: int) -> np.ndarray:
    values = 200 * index + np.arange(DEPTH * tokens * CHANNELS, dtype=np.float16)
    return values.reshape(DEPTH, tokens, CHANNELS)


@pytest.fixture(params=[1, 2, 5], ids="batches of {}".format)
def written(request, tmp_path):
    signals = some_signals()
    batches = (signals[start : start + request.param] for start in range(0, len(signals), request.param))
    write_signals(batches, FACTS, tmp_path)
    return tmp_path


def test_rows_follow_the_ids_that_are_asked_for(written):
    texts = some_signals()
    order = [3, 0, 4, 2, 1]
    signals = Signals(written, [texts[index].id for index in order])
    for position, index in enumerate(order):
        assert signals.logits[position].tolist() == texts[index].logits.tolist()
        assert signals.hidden(position).dtype == np.float16
        assert np.array_equal(signals.hidden(position), texts[index].hidden)


def test_a_part_of_the_texts_can_be_read(written):
    signals = Signals(written, ["text-4", "text-1"])
    assert signals.logits.shape == (2, CLASSES)
    assert signals.hidden(0).shape == (DEPTH, 1, CHANNELS)
    assert signals.hidden(1).shape == (DEPTH, 6, CHANNELS)


def test_logits_are_float32_and_a_copy(written):
    signals = Signals(written, ["text-0"])
    assert signals.logits.dtype == torch.float32
    signals.logits[0] = 0.0
    assert Signals(written, ["text-0"]).logits.abs().min() > 0


def test_an_unknown_text_is_an_error(written):
    with pytest.raises(KeyError, match="text-9"):
        Signals(written, ["text-9"])


def test_without_hidden_states_the_file_has_none(tmp_path):
    write_signals([some_signals(hidden=False)], {**FACTS, "hidden": False}, tmp_path)
    signals = Signals(tmp_path, ["text-2"])
    assert not signals.has_hidden
    assert signals.logits[0].tolist() == some_signals()[2].logits.tolist()
    with pa.memory_map(str(tmp_path / "signals.arrow")) as stream:
        assert pa.ipc.open_file(stream).schema.names == ["id", "logits", "tokens"]


def test_the_file_is_plain_arrow_that_anyone_reads(written):
    with pa.memory_map(str(written / "signals.arrow")) as stream:
        rows = pa.ipc.open_file(stream).read_all().to_pylist()
    assert [row["tokens"] for row in rows] == [7, 6, 4, 3, 1]
    assert rows[2]["hidden"] == some_signals()[2].hidden.ravel().tolist()
    assert load_signal_facts(written) == FACTS


def test_the_budget_counts_the_bytes_that_are_written(written):
    with pa.memory_map(str(written / "signals.arrow")) as stream:
        column = pa.ipc.open_file(stream).read_all()["hidden"]
    assert hidden_bytes(7 + 6 + 4 + 3 + 1, DEPTH, CHANNELS) == 2 * sum(len(row) for row in column.to_pylist())
