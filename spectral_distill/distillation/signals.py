"""The `signals` artifact: teacher signals (logits and hidden states), recorded once for all students.

`signals.arrow` (an Arrow IPC file) has a row for each training, unlabelled and validation text. Its columns are `id`,
`logits` (float32 [classes]), and one column for each recorded feature (see `features`). A feature column holds bfloat16
bits as uint16: [layers, rows, width] flattened, where rows is the text's number of tokens (1 for pooled features). It
is empty for validation texts. `signals.json` says which layers and what width each feature has, and which features
were not recorded. The file is memory-mapped, so that readers load only what they use.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from spectral_distill.distillation.signals_facts import SignalsFacts

_TABLE = "signals.arrow"


@dataclass(frozen=True, kw_only=True)
class TextSignals:
    """The teacher signals of one text.

    Attributes:
        id: The text's id in the dataset.
        logits: Logits, float32 [C].
        features: Features by name, bfloat16 [layers, rows, width]; empty for validation texts.
    """

    id: str
    logits: np.ndarray
    features: Mapping[str, Tensor] = field(default_factory=dict)


class Signals:
    """Recorded teacher signals, in the order of a split.

    Args:
        folder: Folder of the `signals` artifact.
        ids: Ids of the texts, in the order of the split.

    Attributes:
        features: The recorded features by name.
        logits: Logits of the texts, float32 [texts, C].

    Raises:
        UserError: `signals.json` is missing or invalid.
    """

    def __init__(self, folder: str | Path, ids: Sequence[str]):
        folder = Path(folder)
        self.features = SignalsFacts.load(folder).features
        table = pa.ipc.open_file(pa.memory_map(str(folder / _TABLE))).read_all()
        place = {id_: row for row, id_ in enumerate(table["id"].to_pylist())}
        self._rows = np.array([place[id_] for id_ in ids])
        logits = table["logits"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
        self.logits: Tensor = torch.from_numpy(logits[self._rows].copy())
        self._chunks = {name: table[name].chunks for name in self.features}
        self._starts = np.cumsum([0] + [len(chunk) for chunk in table["id"].chunks])

    def batch(self, name: str, layers: Sequence[int], indices: Sequence[int], mask: Tensor) -> dict[int, Tensor]:
        """Read a feature of some teacher layers for a batch.

        Args:
            name: Name of the feature (see `features`).
            layers: Teacher layers, counted from 0, among those that are recorded.
            indices: Positions of the batch's texts in `ids`.
            mask: The feature's mask in the batch [B, L], 1 = real row. It gives the positions of each text's rows.

        Returns:
            The feature by layer, float32 [B, L, W] each, on the mask's device; 0 where padded.
        """
        padded = torch.zeros(len(indices), len(layers), mask.shape[1], self.features[name].width)
        real = mask.bool().cpu()
        for row, index in enumerate(indices):
            padded[row][:, real[row]] = self._recorded(name, layers, int(index)).float()
        padded = padded.to(mask.device)
        return {layer: padded[:, position] for position, layer in enumerate(layers)}

    def _recorded(self, name: str, layers: Sequence[int], index: int) -> Tensor:
        """Read a feature of one text, bfloat16 [layers, rows, width].

        Layers that only other candidates need are not read.

        Returns:
            The feature.
        """
        row = self._rows[index]
        chunk = int(np.searchsorted(self._starts, row, side="right")) - 1
        bits = self._chunks[name][chunk][int(row - self._starts[chunk])].values.to_numpy()
        about = self.features[name]
        of_all = bits.view(np.int16).reshape(len(about.layers), -1, about.width)
        return torch.from_numpy(of_all[[about.layers.index(layer) for layer in layers]]).view(torch.bfloat16)


def write_signals(batches: Iterable[Sequence[TextSignals]], facts: SignalsFacts, folder: Path) -> None:
    """Write the `signals` artifact batch by batch, so that memory holds one batch only.

    Args:
        batches: Signals of the texts, in batches.
        facts: The content of `signals.json`. Its features become the columns of the table.
        folder: An existing folder.
    """
    features = list(facts.features)
    fields = [("id", pa.string()), ("logits", pa.list_(pa.float32()))]
    schema = pa.schema([*fields, *((name, pa.large_list(pa.uint16())) for name in features)])
    with pa.OSFile(str(folder / _TABLE), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(_record_batch(batch, schema, features))
    facts.save(folder)


def _record_batch(batch: Sequence[TextSignals], schema: pa.Schema, names: Sequence[str]) -> pa.RecordBatch:
    columns = [
        pa.array([text.id for text in batch]),
        pa.array([text.logits for text in batch], type=pa.list_(pa.float32())),
    ]
    for name in names:
        flat = [_bits(text.features[name]) if name in text.features else _NOTHING for text in batch]
        offsets = np.cumsum([0] + [len(values) for values in flat])
        columns.append(pa.LargeListArray.from_arrays(offsets, pa.array(np.concatenate(flat), type=pa.uint16())))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


_NOTHING = np.empty(0, dtype=np.uint16)


def _bits(values: Tensor) -> np.ndarray:
    """The bits of bfloat16 values as uint16: NumPy has no bfloat16."""
    return values.contiguous().view(torch.int16).numpy().view(np.uint16).ravel()
