"""The k layers that best stand for all D: an exact answer by dynamic programming over segments of depth."""

import numpy as np


def best_representatives(distances: np.ndarray, k: int) -> list[int]:
    """Cut the depth into k segments and give each its best representative, so that the sum of distances between layers
    and their segment's representative is least: distances [D, D] -> k layers, in depth order.

    Layers are ordered, so segments of neighbours are what a student layer replaces. Bellman's recursion over the last
    segment's start, as for optimal one-dimensional clustering (Wang and Song 2011, Ckmeans.1d.dp); O(D^3 + k D^2).
    """
    depth = len(distances)
    cost, representative = _segments(distances)
    best = cost[0].copy()  # best[j]: least cost of layers 0 .. j in the segments so far
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
    """Least cost of each segment [start, end] and its best representative, both [D, D]; infinite where end < start."""
    depth = len(distances)
    cost, representative = np.full((depth, depth), np.inf), np.zeros((depth, depth), dtype=int)
    for start in range(depth):
        for end in range(start, depth):
            segment = slice(start, end + 1)
            sums = distances[segment, segment].sum(axis=0)
            cost[start, end], representative[start, end] = sums.min(), start + sums.argmin()
    return cost, representative
