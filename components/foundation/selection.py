"""The layer mapping of each candidate: for each layer of its student, the teacher layers that it starts from and is
aligned to. `selections.json`, beside the signals, has a selection for each candidate's name."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.foundation.layer_mix import LayerMix, heaviest_layer

_FILE = "selections.json"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """`layers[j]`: (teacher layer counted from 0, weight) of student layer j. One type for every strategy.

    The mapping gives the student's first weights (the weighted mean of the teacher layers) and its targets (the
    weighted mean of their outputs). `scores`, where a strategy has them, rank the teacher's layers 0 .. D - 1.
    """

    strategy: str
    depth: int
    layers: list[LayerMix]
    scores: list[float] | None = None

    def __post_init__(self) -> None:
        for mix in self.layers:
            total = sum(weight for _, weight in mix)
            assert abs(total - 1) < 1e-6, f"weights {mix} sum to {total}"
            assert all(0 <= layer < self.depth for layer, _ in mix), f"{mix} is outside 0 .. {self.depth - 1}"

    @property
    def teacher_layers(self) -> list[int]:
        """The main teacher layer of each student layer."""
        return [heaviest_layer(mix) for mix in self.layers]

    def targets(self, aligned: str) -> list[int]:
        """Teacher layers that an alignment of `all` or only the `last` student layer needs, ascending."""
        mixes = self.layers if aligned == "all" else self.layers[-1:]
        return sorted({layer for mix in mixes for layer, _ in mix})


def save_selections(selections: Mapping[str, Selection], folder: Path) -> None:
    raw = {name: asdict(selection) for name, selection in selections.items()}
    (folder / _FILE).write_text(json.dumps(raw, indent=2), encoding="utf-8")


def load_selections(folder: str | Path) -> dict[str, Selection]:
    raw = json.loads((Path(folder) / _FILE).read_text(encoding="utf-8"))
    return {name: selection_of(found) for name, found in raw.items()}


def selection_of(raw: dict[str, Any]) -> Selection:
    """A selection from its JSON form."""
    layers = [[(int(layer), float(weight)) for layer, weight in mix] for mix in raw["layers"]]
    return Selection(**raw | {"layers": layers})
