"""Statistics of a study's rows: scores, intervals and tests by configuration. Pure functions of rows."""

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
    """One configuration over its seeds. Differences are shares of test texts, paired by text.

    Attributes:
        configuration: Its name.
        teacher_layers: The teacher layers, counted from 0; empty if they differ by seed.
        seeds: Number of seeds.
        accuracy: Mean over seeds.
        over_seeds: 95 % t interval of the accuracy over seeds; None for a single seed.
        kept: Accuracy divided by the teacher's.
        agreement: Mean share of test texts with the teacher's answer.
        versus_teacher: Difference of accuracy to the teacher, and its 95 % bootstrap interval (mean, low, high).
        versus_reference: Difference of accuracy to the reference, likewise.
        p_reference: Paired t test over texts against the reference, of the mean over seeds, with Holm's correction over
            the table.
        p_not_worse: One-sided paired t test over texts. A small p shows that it is not worse than the teacher by the
            margin.
    """

    configuration: str
    teacher_layers: list[int]
    seeds: int
    accuracy: float
    over_seeds: tuple[float, float] | None
    kept: float
    agreement: float
    versus_teacher: tuple[float, float, float]
    versus_reference: tuple[float, float, float]
    p_reference: float
    p_not_worse: float


def findings(rows: Sequence[Row], reference: str, margin: float) -> list[Finding]:
    """Summarise each configuration, including the anchors.

    Args:
        rows: Rows of one study.
        reference: Configuration that the others are tested against.
        margin: Largest accepted loss against the teacher, as a share of texts.

    Returns:
        One finding for each configuration, best accuracy first.
    """
    groups = by_configuration(rows)
    correct = {name: np.mean([row.hits for row in group], axis=0) for name, group in groups.items()}
    others = [name for name in groups if name != reference]
    raw = [_paired_p(correct[name], correct[reference]) for name in others]
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
            versus_teacher=_difference(correct[name], correct[TEACHER]),
            versus_reference=_difference(correct[name], correct[reference]),
            p_reference=corrected[name],
            p_not_worse=_not_worse_p(correct[name], correct[TEACHER], margin),
        )
        for name, group in groups.items()
    ]
    return sorted(found, key=lambda finding: -finding.accuracy)


Grid = dict[tuple[int, ...], float]
"""Mean accuracy over seeds of every subset of the teacher's layers of one size."""


def grids(rows: Sequence[Row], depth: int) -> dict[int, Grid]:
    """Find the sizes for which every subset of the teacher's layers was trained: `manual`, with no other option set.

    Args:
        rows: Rows of one study.
        depth: Number of the teacher's layers.

    Returns:
        A complete grid by number of kept layers.
    """
    found: dict[int, Grid] = {}
    for name, group in by_configuration(rows).items():
        layers = group[0].layers
        if name == f"manual-{len(layers)}L-{'-'.join(map(str, layers))}" and layers == sorted(set(layers)):
            found.setdefault(len(layers), {})[tuple(layers)] = _mean_accuracy(group)
    return {size: grid for size, grid in sorted(found.items()) if len(grid) == math.comb(depth, size)}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The rank of a strategy's choice among all subsets of its size.

    Attributes:
        strategy: Name of the strategy.
        layers: The teacher layers that it selects, counted from 0.
        rank: Rank by accuracy, from 1.
        of: Number of subsets.
        regret: Accuracy of the best subset minus that of the choice.
    """

    strategy: str
    layers: list[int]
    rank: int
    of: int
    regret: float


def oracle(rows: Sequence[Row], grid: Grid) -> list[Verdict]:
    """Rank each strategy's choice in the grid. A strategy whose choice differs by seed is left out.

    Args:
        rows: Rows of one study.
        grid: Accuracy of every subset of one size.

    Returns:
        One verdict for each strategy, best first.
    """
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
    """Compute Spearman's rank correlation between the subsets' summed layer scores and their accuracy.

    There is no p value: the subsets share layers, so the sums are not independent observations.

    Args:
        grid: Accuracy of every subset of one size.
        scores: Layer scores [D] by name.

    Returns:
        Correlation in [-1, 1] by name.
    """
    summed = {name: [float(score[list(layers)].sum()) for layers in grid] for name, score in scores.items()}
    return {name: float(stats.spearmanr(sums, list(grid.values())).statistic) for name, sums in summed.items()}


def by_configuration(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Group rows by configuration, in the order of first appearance.

    Args:
        rows: Rows of one study.

    Returns:
        Rows by configuration.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.configuration, []).append(row)
    return groups


def _same_layers(group: Sequence[Row]) -> list[int]:
    """Return the layers of a configuration; an empty list if they differ by seed."""
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
