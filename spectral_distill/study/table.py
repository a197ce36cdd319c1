"""A study's results: one row for each run, in a CSV file that git can diff. Rows are appended and never changed."""

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
"""Study, configuration, seed: unique in a table."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trained classifier, scored on the test split.

    Attributes:
        study: Digest of the settings that all runs share; rows with other settings do not mix.
        configuration: Name of the configuration.
        seed: Seed of the training.
        teacher_layers: Selected teacher layers, joined by blanks; empty for anchors and for mixed layers.
        accuracy: Share of test texts predicted correctly.
        macro_f1: F1 score, averaged over classes.
        agreement: Share of test texts with the teacher's answer.
        epochs: Number of epochs.
        seconds: Training time in seconds.
        texts: Number of test texts.
        correct: Which test texts are predicted correctly: packed bits in base64, all that paired tests need.
    """

    study: str
    configuration: str
    seed: int
    teacher_layers: str
    accuracy: float
    macro_f1: float
    agreement: float
    epochs: int
    seconds: float
    texts: int
    correct: str

    @property
    def key(self) -> Key:
        """Study, configuration and seed."""
        return self.study, self.configuration, self.seed

    @property
    def hits(self) -> np.ndarray:
        """Whether each test text is predicted correctly: bool [texts]."""
        packed = np.frombuffer(base64.b64decode(self.correct), dtype=np.uint8)
        return np.unpackbits(packed, count=self.texts).astype(bool)

    @property
    def layers(self) -> list[int]:
        """Selected teacher layers, counted from 0."""
        return [int(layer) for layer in self.teacher_layers.split()]


_COLUMNS = {field.name: field.type for field in fields(Row)}
_ROUNDING = 1e-6  # of a row's accuracy


def pack(correct: np.ndarray) -> str:
    """Pack booleans into a text.

    Args:
        correct: Whether each test text is predicted correctly: bool [texts].

    Returns:
        The packed bits in base64.
    """
    return base64.b64encode(np.packbits(correct).tobytes()).decode()


def read_rows(path: Path, study: str) -> list[Row]:
    """Read the rows of a study.

    Args:
        path: The CSV file.
        study: Digest of the study's shared settings.

    Returns:
        The rows in the file's order; none if the file does not exist.

    Raises:
        UserError: The table is damaged.
    """
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
    """Append a row. The file is replaced atomically, because a study may be stopped at any time.

    Args:
        path: The CSV file; it is created if it does not exist.
        row: The row.
    """
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
        valid = abs(row.hits.mean() - row.accuracy) < _ROUNDING
    except (KeyError, TypeError, ValueError):
        valid = False
    if not valid:
        raise UserError(f"{where}: found no complete row of a study; restore the file, or remove the line")
    return row
