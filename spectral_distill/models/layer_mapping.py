"""The teacher layers behind one student layer. Imports no model library, so that reading a mapping stays cheap."""

from collections.abc import Sequence
from typing import TypeAlias

LayerMix: TypeAlias = Sequence[tuple[int, float]]
"""(teacher layer counted from 0, weight) pairs, weights summing to 1."""


def heaviest_layer(mix: LayerMix) -> int:
    """Find the teacher layer with the largest weight; of equal ones the deepest.

    Args:
        mix: (teacher layer, weight) pairs.

    Returns:
        The teacher layer, counted from 0.
    """
    return max(mix, key=lambda part: (part[1], part[0]))[0]


def evenly_spaced(depth: int, k: int) -> list[int]:
    """Choose k evenly spaced layers that include the first and the last; a single one is the last.

    Args:
        depth: Number of layers to choose from.
        k: Number of layers to choose.

    Returns:
        The layers, counted from 0, in depth order.
    """
    return [depth - 1] if k == 1 else [round(index * (depth - 1) / (k - 1)) for index in range(k)]
