"""What a study's rows say, and how surely. Pure functions of rows."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from spectral_distill.comparison.statistics import bootstrap_interval, holm, mean_interval
from spectral_distill.study.table import TEACHER, Row

_CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One configuration over its seeds. Differences are shares of test texts, paired, with 95 % bootstrap intervals."""

    configuration: str
    teacher_layers: list[int]
    """None where they differ by seed."""
    seeds: int
    accuracy: float
    over_seeds: tuple[float, float] | None
    kept: float
    agreement: float
    versus_teacher: tuple[float, float, float]
    versus_reference: tuple[float, float, float]
    p_reference: float
    """Paired t test over test texts of the seeds' mean, against the reference; Holm's correction over the table."""
    p_not_worse: float
    """One-sided paired t test that it is worse than the teacher by the margin or more: small says that it is not."""


def findings(rows: Sequence[Row], reference: str, margin: float) -> list[Finding]:
    """One finding a configuration, best first, anchors among them; `margin` is a share of texts."""
    groups = by_configuration(rows)
    hits = {name: np.mean([row.hits for row in group], axis=0) for name, group in groups.items()}
    others = [name for name in groups if name != reference]
    raw = [_paired_p(hits[name], hits[reference]) for name in others]
    corrected = {reference: 1.0, **dict(zip(others, holm(raw), strict=True))}
    teacher = _mean_accuracy(groups[TEACHER])
    found = [
        Finding(
            configuration=name,
            teacher_layers=_same_layers(group),
            seeds=len(group),
            accuracy=_mean_accuracy(group),
            over_seeds=mean_interval([row.accuracy for row in group], _CONFIDENCE),
            kept=_mean_accuracy(group) / teacher,
            agreement=float(np.mean([row.agreement for row in group])),
            versus_teacher=_difference(hits[name], hits[TEACHER]),
            versus_reference=_difference(hits[name], hits[reference]),
            p_reference=corrected[name],
            p_not_worse=_not_worse_p(hits[name], hits[TEACHER], margin),
        )
        for name, group in groups.items()
    ]
    return sorted(found, key=lambda finding: -finding.accuracy)


Grid = dict[tuple[int, ...], float]
"""Mean accuracy over seeds of every way to keep some number of the teacher's layers."""


def grids(rows: Sequence[Row], depth: int) -> dict[int, Grid]:
    """By number of layers, where every subset of a `depth`-layer teacher was trained: `manual`, nothing else set."""
    found: dict[int, Grid] = {}
    for name, group in by_configuration(rows).items():
        layers = group[0].layers
        if name == f"manual-{len(layers)}L-{'-'.join(map(str, layers))}" and layers == sorted(set(layers)):
            found.setdefault(len(layers), {})[tuple(layers)] = _mean_accuracy(group)
    return {size: grid for size, grid in sorted(found.items()) if len(grid) == math.comb(depth, size)}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How good a strategy's choice is among all subsets of its size."""

    strategy: str
    layers: list[int]
    rank: int
    of: int
    regret: float
    """Accuracy of the best subset less that of the choice."""


def oracle(rows: Sequence[Row], grid: Grid) -> list[Verdict]:
    """Where each strategy's choice stands in the grid, best first. A choice that differs by seed has no place."""
    accuracies = sorted(grid.values(), reverse=True)
    verdicts = []
    for name, group in by_configuration(rows).items():
        chosen = _same_layers(group)
        if tuple(chosen) in grid and re.fullmatch(rf"[\w.]+-{len(chosen)}L", name):
            accuracy = grid[tuple(chosen)]
            rank, regret = 1 + accuracies.index(accuracy), accuracies[0] - accuracy
            verdicts.append(Verdict(strategy=name, layers=chosen, rank=rank, of=len(grid), regret=regret))
    return sorted(verdicts, key=lambda verdict: (verdict.rank, verdict.strategy))


def score_correlations(grid: Grid, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Spearman's rank correlation between a subset's summed layer scores and its accuracy, by score.

    Without a p: the subsets share their layers, so their sums are no independent observations.
    """
    summed = {name: [float(score[list(layers)].sum()) for layers in grid] for name, score in scores.items()}
    return {name: float(stats.spearmanr(sums, list(grid.values())).statistic) for name, sums in summed.items()}


def by_configuration(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.configuration, []).append(row)
    return groups


def _same_layers(group: Sequence[Row]) -> list[int]:
    """The layers of a configuration; none where they differ by seed."""
    return group[0].layers if len({row.teacher_layers for row in group}) == 1 else []


def _mean_accuracy(group: Sequence[Row]) -> float:
    return float(np.mean([row.accuracy for row in group]))


def _difference(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    low, high = bootstrap_interval(first, second, _CONFIDENCE)
    return float(first.mean() - second.mean()), low, high


def _paired_p(first: np.ndarray, second: np.ndarray) -> float:
    return 1.0 if np.array_equal(first, second) else float(stats.ttest_rel(first, second).pvalue)


def _not_worse_p(first: np.ndarray, second: np.ndarray, margin: float) -> float:
    difference = first - second
    if np.ptp(difference) == 0:
        return 0.0 if difference[0] > -margin else 1.0
    return float(stats.ttest_1samp(difference, -margin, alternative="greater").pvalue)
