"""The layer mapping of each candidate: which teacher layers initialise a student layer and which it is aligned to.

`selections.json`, beside the teacher signals, has the selection of each candidate by name.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from spectral_distill.models.layer_mapping import LayerMix, heaviest_layer
from spectral_distill.storage.artifacts import Artifact


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The layer mapping of one student, of the same type for every strategy.

    A student layer's initial weights are the weighted mean of its teacher layers' weights; its target is the weighted
    mean of their outputs.

    Attributes:
        strategy: Name of the strategy.
        depth: Number of the teacher's layers, D.
        layers: For each student layer, its (teacher layer counted from 0, weight) pairs; the weights sum to 1.
        scores: Scores of the teacher's layers, [D]; None if the strategy has none.
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
        """List the teacher layers that an alignment needs.

        Args:
            aligned: `all` student layers, or only the `last`.

        Returns:
            The teacher layers, counted from 0, ascending.
        """
        mixes = self.layers if aligned == "all" else self.layers[-1:]
        return sorted({layer for mix in mixes for layer, _ in mix})


class Selections(Artifact):
    """The selections of all candidates.

    Attributes:
        selections: Selection by name of the candidate.
    """

    KIND: ClassVar[str] = "selections"
    FILE: ClassVar[str] = "selections.json"

    schema_version: Literal[1] = 1
    selections: dict[str, Selection]
