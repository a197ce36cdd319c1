"""What one student layer is made of. Light on imports: reading a mapping needs no model library."""

from collections.abc import Sequence
from typing import TypeAlias

LayerMix: TypeAlias = Sequence[tuple[int, float]]
"""(teacher layer counted from 0, weight) pairs, weights summing to 1."""


def heaviest_layer(mix: LayerMix) -> int:
    """The teacher layer that a student layer mostly comes from; the deeper one of equals."""
    return max(mix, key=lambda part: (part[1], part[0]))[0]


def evenly_spaced(depth: int, k: int) -> list[int]:
    """k of `depth` layers, both ends kept; one alone is the last."""
    return [depth - 1] if k == 1 else [round(index * (depth - 1) / (k - 1)) for index in range(k)]
