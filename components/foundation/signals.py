"""The `signals` artifact: what a frozen teacher answers on the training texts, recorded once for every student.

`signals.arrow` (Arrow IPC file) has a row a text: `id`; `logits`, float32 [classes]; `tokens`, n; and, where hidden
states were recorded, `hidden`, float16, the outputs of layers 1 .. D flattened from [D, n, H]. `signals.json`
says what was recorded and why not more. The file is memory-mapped, so that readers hold only what they touch.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

_TABLE, _FACTS = "signals.arrow", "signals.json"


@dataclass(frozen=True, kw_only=True)
class TextSignals:
    """The teacher's signals for one text: logits [C] and hidden [D, n, H] or None."""

    id: str
    logits: np.ndarray
    tokens: int
    hidden: np.ndarray | None


class Signals:
    """Recorded signals, read in the order of the ids that training uses."""

    def __init__(self, folder: str | Path, ids: Sequence[str]):
        folder = Path(folder)
        self.facts = load_signal_facts(folder)
        table = pa.ipc.open_file(pa.memory_map(str(folder / _TABLE))).read_all()
        place = {id_: row for row, id_ in enumerate(table["id"].to_pylist())}
        self._rows = np.array([place[id_] for id_ in ids])
        logits = table["logits"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
        self.logits: Tensor = torch.from_numpy(logits[self._rows].copy())
        self._chunks = table["hidden"].chunks if self.has_hidden else []
        self._starts = np.cumsum([0] + [len(chunk) for chunk in self._chunks])

    @property
    def has_hidden(self) -> bool:
        return bool(self.facts["hidden"])

    def hidden(self, index: int) -> np.ndarray:
        """Hidden states of the text at position `index` of the ids: float16 [D, n, H]."""
        row = self._rows[index]
        chunk = int(np.searchsorted(self._starts, row, side="right")) - 1
        flat = self._chunks[chunk][int(row - self._starts[chunk])].values.to_numpy()
        return flat.reshape(self.facts["depth"], -1, self.facts["channels"])


def write_signals(batches: Iterable[Sequence[TextSignals]], facts: dict[str, Any], folder: Path) -> None:
    """Stream batches of signals to a file; memory holds one batch."""
    fields = [("id", pa.string()), ("logits", pa.list_(pa.float32())), ("tokens", pa.int32())]
    if facts["hidden"]:
        fields.append(("hidden", pa.large_list(pa.float16())))
    schema = pa.schema(fields)
    with pa.OSFile(str(folder / _TABLE), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(_record_batch(batch, schema))
    (folder / _FACTS).write_text(json.dumps(facts, indent=2), encoding="utf-8")


def hidden_bytes(tokens: int, depth: int, channels: int) -> int:
    """Size of the recorded hidden states of `tokens` tokens, float16."""
    return 2 * tokens * depth * channels


def _record_batch(batch: Sequence[TextSignals], schema: pa.Schema) -> pa.RecordBatch:
    columns = {
        "id": pa.array([text.id for text in batch]),
        "logits": pa.array([text.logits for text in batch], type=pa.list_(pa.float32())),
        "tokens": pa.array([text.tokens for text in batch], type=pa.int32()),
    }
    if "hidden" in schema.names:
        flat = [text.hidden.ravel() for text in batch if text.hidden is not None]
        offsets = np.cumsum([0] + [len(values) for values in flat])
        columns["hidden"] = pa.LargeListArray.from_arrays(offsets, pa.array(np.concatenate(flat), type=pa.float16()))
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def load_signal_facts(folder: str | Path) -> dict[str, Any]:
    return json.loads((Path(folder) / _FACTS).read_text(encoding="utf-8"))
