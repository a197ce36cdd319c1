"""Rank the configurations, test them against the best and the teacher, and select the student to ship.

Runs that differ only in the seed are one configuration. Its accuracy is the mean over seeds; for the bootstrap, a text
counts as correct by the share of seeds that classify it correctly. In McNemar's test, and when it ships, the run with
the lowest seed represents the configuration: the best run would be selected on the test texts, and its score would be
optimistic.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spectral_distill.comparison.artifact import Difference, Standing, Verdict
from spectral_distill.comparison.statistics import bootstrap_interval, holm, mcnemar_p, mean_interval
from spectral_distill.core.settings import ComparisonOptions


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One evaluated student.

    Attributes:
        name: Name of the candidate.
        configuration: Its name without the seed.
        seed: Seed of the training.
        parameters: Number of parameters.
        correct: Whether each test text was classified correctly, bool [N].
    """

    name: str
    configuration: str
    seed: int
    parameters: int
    correct: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of test texts that were classified correctly."""
        return float(self.correct.mean())


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The ranked configurations.

    Attributes:
        standings: Configurations, best first.
        verdict: Which student ships.
    """

    standings: list[Standing]
    verdict: Verdict


def correct_on_test(predictions: pd.DataFrame) -> np.ndarray:
    """Check for each test text whether it was classified correctly.

    Args:
        predictions: Predictions, in the columns of `evaluation.artifact`.

    Returns:
        Whether the prediction equals the label, bool [N], in the order of the split.
    """
    test = predictions[predictions["split"] == "test"]
    return (test["label"] == test["predicted"]).to_numpy()


def rank(contestants: Sequence[Contestant], teacher_correct: np.ndarray, options: ComparisonOptions) -> Ranking:
    """Rank the configurations and select the student to ship.

    The order is by mean accuracy; of equal ones, the configuration with fewer parameters comes first.

    Args:
        contestants: All students, at least one.
        teacher_correct: Whether the teacher classified each test text correctly, bool [N].
        options: Confidence of intervals and tests.

    Returns:
        The ranking.
    """
    groups: dict[str, list[Contestant]] = {}
    for contestant in contestants:
        groups.setdefault(contestant.configuration, []).append(contestant)
    ordered = sorted(groups.values(), key=lambda group: (-_accuracy(group), group[0].parameters, _first(group).name))
    leader = ordered[0]
    first_correct = [_first(group).correct for group in ordered]
    # The leader is selected on the same texts. Holm's correction therefore covers all pairs; the leader's come first.
    pairwise = holm([mcnemar_p(one, other) for one, other in itertools.combinations(first_correct, 2)])
    against_best = pairwise[: len(ordered) - 1]
    against_teacher = holm([mcnemar_p(teacher_correct, correct) for correct in first_correct])
    standings = [
        Standing(
            rank=position + 1,
            configuration=group[0].configuration,
            student=_first(group).name,
            seeds=sorted(member.seed for member in group),
            accuracy=_accuracy(group),
            accuracy_interval_over_seeds=mean_interval(
                [member.accuracy for member in group], options.comparison_confidence
            ),
            versus_teacher=_difference(group, teacher_correct, against_teacher[position], options),
            versus_best=None
            if position == 0
            else _difference(group, _share(leader), against_best[position - 1], options),
        )
        for position, group in enumerate(ordered)
    ]
    sizes = {name: members[0].parameters for name, members in groups.items()}
    return Ranking(standings=standings, verdict=_verdict(standings, sizes, len(teacher_correct), options))


def _difference(group: list[Contestant], other: np.ndarray, p: float, options: ComparisonOptions) -> Difference:
    low, high = bootstrap_interval(_share(group), other, options.comparison_confidence)
    return Difference(difference=float(_share(group).mean() - other.mean()), low=low, high=high, p_holm=p)


def _verdict(
    standings: Sequence[Standing], sizes: Mapping[str, int], texts: int, options: ComparisonOptions
) -> Verdict:
    """Name a winner only if every other configuration is significantly worse; of tied ones the smallest ships."""
    level = 1 - options.comparison_confidence
    tied = [standing for standing in standings if not _is_worse(standing.versus_best, level)]
    shipped = min(tied, key=lambda standing: (sizes[standing.configuration], standing.rank))
    names = ", ".join(standing.configuration for standing in tied)
    same_size = sum(sizes[standing.configuration] == sizes[shipped.configuration] for standing in tied)
    tests = f"McNemar with Holm's correction and paired bootstrap, level {level:.2g}"
    if len(standings) == 1:
        reason = f"{standings[0].configuration} is the only candidate."
    elif len(tied) == 1:
        reason = f"{standings[0].configuration} is significantly better than every other candidate ({tests})."
    else:
        reason = (
            f"No clear winner: on {texts} test texts {names} cannot be told apart ({tests}). "
            f"{shipped.configuration} is the smallest of them"
            + (", and of equal size the most accurate." if same_size > 1 else ".")
        )
    return Verdict(
        winner=standings[0].configuration if len(tied) == 1 else None,
        tied=[standing.configuration for standing in tied],
        ship=shipped.student,
        reason=reason,
    )


def _is_worse(versus_best: Difference | None, level: float) -> bool:
    """Check for "significantly worse": by McNemar's test, and with the whole bootstrap interval below 0."""
    return versus_best is not None and versus_best.p_holm < level and versus_best.high < 0


def _share(group: list[Contestant]) -> np.ndarray:
    return np.mean([member.correct for member in group], axis=0)


def _accuracy(group: list[Contestant]) -> float:
    return float(_share(group).mean())


def _first(group: list[Contestant]) -> Contestant:
    return min(group, key=lambda member: member.seed)
