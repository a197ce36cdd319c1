"""Paired statistics of classifiers that predicted the same texts. Pure functions of arrays."""

from collections.abc import Sequence

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

_RESAMPLES = 9_999
_SEED = 0
_EXACT_BELOW = 25


def bootstrap_interval(first: np.ndarray, second: np.ndarray, confidence: float) -> tuple[float, float]:
    """Compute a paired bootstrap interval of mean(first) - mean(second) over texts.

    Source: the percentile interval of Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13, with
    9,999 seeded resamples of the texts.

    Args:
        first: A value for each text, [N]; whether a prediction is correct, or the share of seeds that are.
        second: The same of the other classifier, [N].
        confidence: Confidence level, from 0 to 1.

    Returns:
        Lower and upper end. Both equal the difference if it is the same for every text.
    """
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
    """Test whether two classifiers are equally often correct (McNemar 1947).

    The test is the exact binomial one if fewer than 25 texts are classified correctly by only one of the two, otherwise
    chi-squared with continuity correction.

    Source: https://doi.org/10.1007/BF02295996; implemented by statsmodels.

    Args:
        first_correct: Whether the first classifier is correct on each text, bool [N].
        second_correct: The same of the second, bool [N].

    Returns:
        The two-sided p value; 1 if no text distinguishes them.
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
    """Adjust p values for multiple tests (Holm 1979).

    Source: https://www.jstor.org/stable/4615733; implemented by statsmodels.

    Args:
        p_values: p values of one family of tests.

    Returns:
        Adjusted p values, in the same order.
    """
    return [] if not len(p_values) else multipletests(p_values, method="holm")[1].tolist()


def mean_interval(values: Sequence[float], confidence: float) -> tuple[float, float] | None:
    """Compute the Student-t interval of a mean over seeds.

    Args:
        values: One value for each seed.
        confidence: Confidence level, from 0 to 1.

    Returns:
        Lower and upper end; None for fewer than two values, or if all are equal by chance.
    """
    if len(set(values)) < 2:
        return None
    error = stats.sem(values)
    low, high = stats.t.interval(confidence, len(values) - 1, loc=np.mean(values), scale=error)
    return float(low), float(high)
