"""The k layers that best represent all D: an exact solution by dynamic programming over segments of depth."""

import numpy as np


def best_representatives(distances: np.ndarray, k: int) -> list[int]:
    """Select k layers that minimise the summed distance of all layers to the representative of their segment.

    The depth is cut into k segments of neighbouring layers, and each gets its best representative: a student layer
    replaces a segment. The algorithm is Bellman's recursion over the start of the last segment, as in optimal
    one-dimensional clustering (Wang and Song 2011, Ckmeans.1d.dp, https://doi.org/10.32614/RJ-2011-015). It takes O(D^3
    + k D^2).

    Args:
        distances: Distances between layers, [D, D].
        k: Number of layers to select, 1 to D.

    Returns:
        The layers, counted from 0, in depth order.
    """
    depth = len(distances)
    cost, representative = _segments(distances)
    best = cost[0].copy()  # best[j]: minimum cost of layers 0 .. j in the segments so far
    starts: list[np.ndarray] = []
    for _ in range(1, k):
        options = np.full((depth, depth), np.inf)  # [start of the last segment, its end]
        options[1:] = best[:-1, None] + cost[1:]
        starts.append(options.argmin(axis=0))
        best = options.min(axis=0)
    layers, end = [], depth - 1
    for start in reversed([np.zeros(depth, dtype=int), *starts]):
        layers.append(int(representative[start[end], end]))
        end = start[end] - 1
    return layers[::-1]


def _segments(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute each segment's minimum cost and best representative, [start, end] each; the cost is infinite if empty."""
    depth = len(distances)
    cost, representative = np.full((depth, depth), np.inf), np.zeros((depth, depth), dtype=int)
    for start in range(depth):
        for end in range(start, depth):
            segment = slice(start, end + 1)
            sums = distances[segment, segment].sum(axis=0)
            cost[start, end], representative[start, end] = sums.min(), start + sums.argmin()
    return cost, representative
