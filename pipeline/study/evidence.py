"""What a study's rows say, and how surely. Pure functions of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from components.compare_students.statistics import bootstrap_interval, holm, mean_interval
from pipeline.study.table import TEACHER, Row

_CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One configuration over its seeds. Differences are shares of test texts, paired, with 95 % bootstrap intervals."""

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
            teacher_layers=group[0].layers,
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


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How good a strategy's choice is among all subsets of its size that the study trained."""

    strategy: str
    layers: list[int]
    rank: int
    of: int
    regret: float
    """Accuracy of the best subset less that of the choice."""


def oracle(rows: Sequence[Row]) -> list[Verdict]:
    """Where each strategy's choice stands among the `manual` subsets of as many layers; best first."""
    truth = subset_accuracy(rows)
    verdicts = []
    for name, group in by_configuration(rows).items():
        chosen = tuple(group[0].layers)
        peers = {layers: accuracy for layers, accuracy in truth.items() if len(layers) == len(chosen)}
        if chosen not in peers or name.startswith("manual") or len(set(chosen)) < len(chosen):
            continue
        rank = 1 + sum(accuracy > peers[chosen] for accuracy in peers.values())
        regret = max(peers.values()) - peers[chosen]
        verdicts.append(Verdict(strategy=name, layers=list(chosen), rank=rank, of=len(peers), regret=regret))
    return sorted(verdicts, key=lambda verdict: (verdict.rank, verdict.strategy))


def score_correlations(rows: Sequence[Row], scores: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """Spearman's rank correlation, and its p, between a subset's summed layer scores and its accuracy, by score."""
    truth = subset_accuracy(rows)
    subsets, accuracies = list(truth), list(truth.values())
    result = {}
    for name, score in scores.items():
        summed = [float(score[list(layers)].sum()) for layers in subsets]
        test = stats.spearmanr(summed, accuracies)
        result[name] = float(test.statistic), float(test.pvalue)
    return result


def subset_accuracy(rows: Sequence[Row]) -> dict[tuple[int, ...], float]:
    """Mean accuracy over seeds of each `manual` subset of layers."""
    return {
        tuple(group[0].layers): _mean_accuracy(group)
        for name, group in by_configuration(rows).items()
        if name.startswith("manual")
    }


def by_configuration(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.configuration, []).append(row)
    return groups


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
