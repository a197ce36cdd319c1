"""The facts of the teacher signals, `signals.json`. Reading them needs no model library."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from spectral_distill.storage.artifacts import Artifact

_BYTES = 2


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One recorded feature.

    Attributes:
        layers: Teacher layers that it is recorded at, 0 to D - 1, ascending.
        width: Numbers per row.
    """

    layers: list[int]
    width: int

    def bytes_of(self, rows: int) -> int:
        """Return the size of the feature.

        Args:
            rows: Number of rows: tokens, or texts for pooled features.

        Returns:
            The size in bytes, with two bytes for each bfloat16 number.
        """
        return _BYTES * rows * len(self.layers) * self.width


class SignalsFacts(Artifact):
    """The facts of the `signals` artifact.

    Attributes:
        texts: Number of texts in the transfer set.
        tokens: Number of their tokens.
        depth: Number of the teacher's encoder layers.
        gib: Size of each feature that candidates align to, in GiB.
        over_budget: Features that were not recorded because of their size.
        checkpoints: Pinned version of each checkpoint that a candidate starts from, by URI.
        signals_budget_gib: The budget, in GiB.
        features: The recorded features, by name.
    """

    KIND: ClassVar[str] = "teacher signals"
    FILE: ClassVar[str] = "signals.json"

    schema_version: Literal[1] = 1
    texts: int
    tokens: int
    depth: int
    gib: dict[str, float]
    over_budget: list[str]
    checkpoints: dict[str, str]
    signals_budget_gib: float
    features: dict[str, Feature]
