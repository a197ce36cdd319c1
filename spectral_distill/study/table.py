"""A study's results: one row a run, in a CSV file that git can diff. Rows are added, and never changed."""

import base64
import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from spectral_distill.core.errors import UserError
from spectral_distill.storage.uris import write_whole

TEACHER, FROZEN = "teacher", "frozen-encoder"
Key = tuple[str, str, int]
"""Study, configuration, seed: what a table has once."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trained classifier, scored on the test split."""

    study: str
    """Digest of the settings that all runs share: rows of other settings do not mix."""
    configuration: str
    seed: int
    teacher_layers: str
    """Chosen layers joined by spaces; empty for anchors and for mixes of layers."""
    accuracy: float
    macro_f1: float
    agreement: float
    """Share of test texts on which it answers as the teacher does."""
    epochs: int
    seconds: float
    texts: int
    correct: str
    """Which test texts it got right: packed bits, base64. Paired tests need nothing else."""

    @property
    def key(self) -> Key:
        return self.study, self.configuration, self.seed

    @property
    def hits(self) -> np.ndarray:
        """Whether each test text was answered right: bool [texts]."""
        packed = np.frombuffer(base64.b64decode(self.correct), dtype=np.uint8)
        return np.unpackbits(packed, count=self.texts).astype(bool)

    @property
    def layers(self) -> list[int]:
        return [int(layer) for layer in self.teacher_layers.split()]


_COLUMNS = {field.name: field.type for field in fields(Row)}
_ROUNDING = 1e-6  # of a row's accuracy


def pack(correct: np.ndarray) -> str:
    return base64.b64encode(np.packbits(correct).tobytes()).decode()


def read_rows(path: Path, study: str) -> list[Row]:
    """The rows of that study, in the file's order; none where there is no file. `UserError` on a damaged table."""
    if not path.exists():
        return []
    found: dict[Key, Row] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for number, values in enumerate(csv.DictReader(stream), start=2):
            where = f"table {path}, line {number}"
            row = _parse(values, where)
            if row.key in found:
                raise UserError(f"{where}: a second row of {row.configuration}, seed {row.seed}; remove one of them")
            found[row.key] = row
    return [row for row in found.values() if row.study == study]


def append_row(path: Path, row: Row) -> None:
    """Add one row. The file is replaced as a whole: a study may be stopped at any time."""
    known = path.read_text(encoding="utf-8") if path.exists() else ""
    added = io.StringIO()
    writer = csv.DictWriter(added, _COLUMNS, lineterminator="\n")
    if not known:
        writer.writeheader()
    writer.writerow(asdict(row))
    write_whole(path, known + added.getvalue())


def _parse(values: dict[str, Any], where: str) -> Row:
    try:
        row = Row(**{name: kind(values[name]) for name, kind in _COLUMNS.items()})  # type: ignore[operator]
        whole = abs(row.hits.mean() - row.accuracy) < _ROUNDING
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise UserError(f"{where}: found no whole row of a study; restore the file, or remove the line")
    return row
