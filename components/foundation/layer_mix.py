"""What one student layer is made of. Light on imports: reading a mapping needs no model library."""

from collections.abc import Sequence
from typing import TypeAlias

LayerMix: TypeAlias = Sequence[tuple[int, float]]
"""(teacher layer counted from 0, weight) pairs, weights summing to 1."""


def heaviest_layer(mix: LayerMix) -> int:
    """The teacher layer that a student layer mostly comes from; the deeper one of equals."""
    return max(mix, key=lambda part: (part[1], part[0]))[0]
