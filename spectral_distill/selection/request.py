"""The part of a candidate that strategies read, and the check that a teacher has enough layers for it."""

from typing import Protocol

from spectral_distill.core.errors import UserError


class LayerRequest(Protocol):
    """The part of a candidate that strategies read."""

    @property
    def strategy(self) -> str:
        """Name of the strategy, or `package.module:function`."""

    @property
    def layers(self) -> int:
        """Number of encoder layers of the student, k."""

    @property
    def teacher_layers(self) -> list[int] | None:
        """For `manual`: the teacher layers, counted from 0."""

    @property
    def seed(self) -> int:
        """Seed of strategies that draw."""


def check_depth(candidate: LayerRequest, depth: int, where: str = "candidate") -> None:
    """Check that a teacher has the layers that a candidate asks for.

    Args:
        candidate: The student's request.
        depth: Number of the teacher's layers.
        where: Name of the candidate in messages.

    Raises:
        UserError: The teacher has too few layers.
    """
    if candidate.layers > depth:
        raise UserError(f"{where}: layers: found {candidate.layers}, expected at most {depth}, the teacher's depth")
    if candidate.strategy in ("average_pairs", "weighted_pairs") and candidate.layers > depth - 1:
        raise UserError(
            f"{where}: {candidate.strategy}: found {candidate.layers} layers, expected at most {depth - 1}, "
            f"the number of neighbouring pairs in {depth} teacher layers"
        )
    unknown = [layer for layer in candidate.teacher_layers or [] if not 0 <= layer < depth]
    if unknown:
        raise UserError(f"{where}: teacher_layers: found {unknown}, expected numbers from 0 to {depth - 1}")
