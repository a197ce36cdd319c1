"""What a strategy needs to know of a candidate, and what a teacher must have for it."""

from typing import Protocol

from spectral_distill.core.errors import UserError


class LayerRequest(Protocol):
    """The part of a candidate that strategies read.

    Attributes:
        strategy: Name of the strategy, or `package.module:function`.
        layers: Encoder layers of the student.
        teacher_layers: For `manual`: the teacher layers, counted from 0.
        seed: Of strategies that draw.
    """

    @property
    def strategy(self) -> str: ...

    @property
    def layers(self) -> int: ...

    @property
    def teacher_layers(self) -> list[int] | None: ...

    @property
    def seed(self) -> int: ...


def check_depth(candidate: LayerRequest, depth: int, where: str = "candidate") -> None:
    """`UserError` where the candidate asks for what a teacher of `depth` layers does not have."""
    if candidate.layers > depth:
        raise UserError(f"{where}: layers: found {candidate.layers}, expected at most {depth}, the teacher's depth")
    if candidate.strategy in ("average_pairs", "weighted_pairs") and candidate.layers > depth - 1:
        raise UserError(
            f"{where}: {candidate.strategy}: found {candidate.layers} layers, expected at most {depth - 1}, "
            f"the number of neighbouring pairs in {depth} teacher layers"
        )
    strange = [layer for layer in candidate.teacher_layers or [] if not 0 <= layer < depth]
    if strange:
        raise UserError(f"{where}: teacher_layers: found {strange}, expected numbers from 0 to {depth - 1}")
