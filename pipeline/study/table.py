"""A study's results: one row a run, in a CSV file that git can diff. Appending is all that ever happens to it."""

import base64
import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

TEACHER, FROZEN = "teacher", "frozen-encoder"


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
    def key(self) -> tuple[str, str, int]:
        return self.study, self.configuration, self.seed

    @property
    def hits(self) -> np.ndarray:
        """Whether each test text was answered right: bool [texts]."""
        packed = np.frombuffer(base64.b64decode(self.correct), dtype=np.uint8)
        return np.unpackbits(packed, count=self.texts).astype(bool)

    @property
    def layers(self) -> list[int]:
        return [int(layer) for layer in self.teacher_layers.split()]


def pack(correct: np.ndarray) -> str:
    return base64.b64encode(np.packbits(correct).tobytes()).decode()


def read_rows(path: Path, study: str) -> list[Row]:
    """The rows of that study, in the file's order; none where there is no file."""
    if not path.exists():
        return []
    kinds = {field.name: field.type for field in fields(Row)}
    with path.open(encoding="utf-8", newline="") as stream:
        found = [Row(**{name: kinds[name](value) for name, value in row.items()}) for row in csv.DictReader(stream)]  # type: ignore[operator]
    return [row for row in found if row.study == study]


def append_row(path: Path, row: Row) -> None:
    """Add one row; a line is written at once, so that a study may be stopped at any time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Row)], lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(row))
