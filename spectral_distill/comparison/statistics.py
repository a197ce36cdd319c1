"""Paired statistics of classifiers that answered the same texts. Pure functions of arrays."""

from collections.abc import Sequence

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

_RESAMPLES = 9_999
_SEED = 0
_EXACT_BELOW = 25


def bootstrap_interval(first: np.ndarray, second: np.ndarray, confidence: float) -> tuple[float, float]:
    """Percentile bootstrap interval of mean(first) - mean(second) over texts, paired: two arrays [N]."""
    difference = np.asarray(first, float) - np.asarray(second, float)
    if np.ptp(difference) == 0:
        return float(difference[0]), float(difference[0])
    result = stats.bootstrap(
        (difference,),
        np.mean,
        n_resamples=_RESAMPLES,
        confidence_level=confidence,
        method="percentile",
        batch=500,
        rng=np.random.default_rng(_SEED),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def mcnemar_p(first_correct: np.ndarray, second_correct: np.ndarray) -> float:
    """McNemar's test that two classifiers are equally often right: boolean arrays [N] -> two-sided p.

    Exact binomial where fewer than 25 texts tell them apart, otherwise chi-squared with continuity correction.
    """
    only_first = int((first_correct & ~second_correct).sum())
    only_second = int((~first_correct & second_correct).sum())
    table = [
        [int((first_correct & second_correct).sum()), only_first],
        [only_second, int((~first_correct & ~second_correct).sum())],
    ]
    if only_first + only_second == 0:
        return 1.0
    return float(mcnemar(table, exact=only_first + only_second < _EXACT_BELOW, correction=True).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for their number (Holm 1979)."""
    return [] if not len(p_values) else multipletests(p_values, method="holm")[1].tolist()


def mean_interval(values: Sequence[float], confidence: float) -> tuple[float, float] | None:
    """Student-t interval of a mean over seeds; None for fewer than two, or where all are equal by chance."""
    if len(set(values)) < 2:
        return None
    error = stats.sem(values)
    low, high = stats.t.interval(confidence, len(values) - 1, loc=np.mean(values), scale=error)
    return float(low), float(high)
