"""The layer mapping of each candidate: for each layer of its student, the teacher layers that it starts from and is
aligned to. `selections.json`, beside the signals, has a selection for each candidate's name."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from spectral_distill.models.layer_mapping import LayerMix, heaviest_layer
from spectral_distill.storage.artifacts import Artifact


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


class Selections(Artifact):
    """The selection of each candidate, by its name."""

    KIND: ClassVar[str] = "selections"
    FILE: ClassVar[str] = "selections.json"

    schema_version: Literal[1] = 1
    selections: dict[str, Selection]
