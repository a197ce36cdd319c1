"""What was recorded of a teacher: `signals.json`. Reading it needs no model library."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from spectral_distill.storage.artifacts import Artifact

_BYTES = 2


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One recorded feature: the teacher layers it is recorded at (0 .. D - 1, ascending) and its width."""

    layers: list[int]
    width: int

    def bytes_of(self, rows: int) -> int:
        return _BYTES * rows * len(self.layers) * self.width


class SignalsFacts(Artifact):
    """The facts of the `signals` artifact.

    Attributes:
        texts: Texts of the transfer set.
        tokens: Their tokens.
        depth: Encoder layers of the teacher.
        gib: Size of each feature that candidates align to, in GiB.
        over_budget: Those that were not recorded for their size.
        checkpoints: The pinned version of each checkpoint that a candidate starts from.
        signals_budget_gib: The budget, in GiB.
        features: The recorded features by name.
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
