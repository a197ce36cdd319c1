"""The leaderboard: configurations ranked, tested against the best and the teacher, and the one to ship.

Runs that differ in the seed alone are one configuration. Its accuracy is the mean over seeds; a text counts as right
by the share of seeds that got it right. In McNemar's test, and when it ships, the run of its lowest seed stands for it:
the best one would be chosen by the test texts, and its score flatter.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from components.compare_students.statistics import bootstrap_interval, holm, mcnemar_p, mean_interval
from components.foundation.settings import ComparisonOptions


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One evaluated student: its evaluation and, per test text, whether it was right [N]."""

    evaluation: dict[str, Any]
    correct: np.ndarray

    @property
    def name(self) -> str:
        return str(self.evaluation["name"])

    @property
    def accuracy(self) -> float:
        return float(self.correct.mean())


def correct_on_test(predictions: pd.DataFrame) -> np.ndarray:
    """Whether each test text was answered right, in the order of the split: bool [N]."""
    test = predictions[predictions["split"] == "test"]
    return (test["label"] == test["predicted"]).to_numpy()


def rank(contestants: Sequence[Contestant], teacher_correct: np.ndarray, options: ComparisonOptions) -> dict[str, Any]:
    """Leaderboard rows, best first, and the verdict."""
    groups: dict[str, list[Contestant]] = {}
    for contestant in contestants:
        groups.setdefault(contestant.evaluation["configuration"], []).append(contestant)
    ordered = sorted(groups.values(), key=lambda group: (-_accuracy(group), _parameters(group), _first(group).name))
    leader = ordered[0]
    first_correct = [_first(group).correct for group in ordered]
    # Which one leads is found on the same texts, so all pairs were compared; the leader's come first.
    pairwise = holm([mcnemar_p(one, other) for one, other in itertools.combinations(first_correct, 2)])
    against_best = pairwise[: len(ordered) - 1]
    against_teacher = holm([mcnemar_p(teacher_correct, correct) for correct in first_correct])
    rows = [
        {
            **_describe(group, options),
            "rank": position + 1,
            "versus_teacher": _difference(group, teacher_correct, against_teacher[position], options),
            "versus_best": None
            if position == 0
            else _difference(group, _share(leader), against_best[position - 1], options),
        }
        for position, group in enumerate(ordered)
    ]
    return {"rows": rows, "verdict": _verdict(rows, len(teacher_correct), options)}


def _describe(group: list[Contestant], options: ComparisonOptions) -> dict[str, Any]:
    first = _first(group)
    return {
        "configuration": first.evaluation["configuration"],
        "student": first.name,
        "seeds": sorted(member.evaluation["candidate"]["seed"] for member in group),
        "accuracy": _accuracy(group),
        "accuracy_interval_over_seeds": mean_interval(
            [member.accuracy for member in group], options.comparison_confidence
        ),
        "evaluation": first.evaluation,
    }


def _difference(group: list[Contestant], other: np.ndarray, p: float, options: ComparisonOptions) -> dict[str, Any]:
    low, high = bootstrap_interval(_share(group), other, options.comparison_confidence)
    return {"difference": float(_share(group).mean() - other.mean()), "low": low, "high": high, "p_holm": p}


def _verdict(rows: list[dict[str, Any]], texts: int, options: ComparisonOptions) -> dict[str, Any]:
    """A winner only where every other configuration is significantly worse; among equals the smallest ships."""
    level = 1 - options.comparison_confidence
    tied = [row for row in rows if not _is_worse(row["versus_best"], level)]
    shipped = min(tied, key=lambda row: (row["evaluation"]["size"]["parameters"], row["rank"]))
    names = ", ".join(row["configuration"] for row in tied)
    tests = f"McNemar with Holm's correction and paired bootstrap, level {level:.2g}"
    if len(rows) == 1:
        reason = f"{rows[0]['configuration']} is the only candidate."
    elif len(tied) == 1:
        reason = f"{rows[0]['configuration']} is significantly better than every other candidate ({tests})."
    else:
        reason = (
            f"No clear winner: on {texts} test texts {names} cannot be told apart ({tests}). "
            f"{shipped['configuration']} is the smallest of them"
            + (", and of equal size the most accurate." if _same_size(tied, shipped) > 1 else ".")
        )
    return {
        "winner": rows[0]["configuration"] if len(tied) == 1 else None,
        "tied": [row["configuration"] for row in tied],
        "ship": shipped["student"],
        "reason": reason,
    }


def _is_worse(versus_best: dict[str, Any] | None, level: float) -> bool:
    """Significantly worse than the best: by McNemar's test, and with the whole bootstrap interval below zero."""
    return versus_best is not None and versus_best["p_holm"] < level and versus_best["high"] < 0


def _same_size(rows: list[dict[str, Any]], other: dict[str, Any]) -> int:
    size = other["evaluation"]["size"]["parameters"]
    return sum(row["evaluation"]["size"]["parameters"] == size for row in rows)


def _share(group: list[Contestant]) -> np.ndarray:
    return np.mean([member.correct for member in group], axis=0)


def _accuracy(group: list[Contestant]) -> float:
    return float(_share(group).mean())


def _first(group: list[Contestant]) -> Contestant:
    return min(group, key=lambda member: member.evaluation["candidate"]["seed"])


def _parameters(group: list[Contestant]) -> int:
    return int(group[0].evaluation["size"]["parameters"])
