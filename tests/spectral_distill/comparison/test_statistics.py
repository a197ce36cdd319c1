"""Statistics against hand formulas, SciPy and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spectral_distill.comparison.statistics import bootstrap_interval, holm, mcnemar_p, mean_interval


def answers(only_first: int, only_second: int, both: int = 10, neither: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Who was right on each text, from the four counts."""
    counts = [both, only_first, only_second, neither]
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 1), (3, 3), (9, 2), (4, 20), (0, 24)])
def test_few_discordant_texts_get_the_exact_binomial(only_first, only_second):
    expected = stats.binomtest(only_first, only_first + only_second).pvalue
    assert mcnemar_p(*answers(only_first, only_second)) == pytest.approx(expected)


@pytest.mark.parametrize(("only_first", "only_second"), [(25, 0), (20, 5), (13, 12), (60, 31)])
def test_many_get_chi_squared_with_continuity_correction(only_first, only_second):
    statistic = (abs(only_first - only_second) - 1) ** 2 / (only_first + only_second)
    assert mcnemar_p(*answers(only_first, only_second)) == pytest.approx(stats.chi2.sf(statistic, 1))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 50), st.integers(0, 50))
def test_mcnemar_is_symmetric_and_knows_only_the_discordant(only_first, only_second, both, neither):
    p = mcnemar_p(*answers(only_first, only_second))
    assert 0 <= p <= 1
    assert p == mcnemar_p(*answers(only_second, only_first))
    if both + neither:
        assert p == mcnemar_p(*answers(only_first, only_second, both, neither))


def test_equal_answers_are_not_different():
    assert mcnemar_p(*answers(0, 0)) == 1


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, each at least its predecessor.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.03]) == pytest.approx([0.03])
    assert holm([]) == []


@settings(max_examples=10)  # statsmodels collects garbage at every call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_step_down_of_its_definition(p_values):
    order, running, expected = np.argsort(p_values, kind="stable"), 0.0, np.empty(len(p_values))
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        expected[index] = running
    assert holm(p_values) == pytest.approx(expected)


def test_interval_over_seeds_by_hand():
    # Mean 0.9, standard error 0.01 / sqrt(3), t(2) at 97.5 % = 4.3027.
    low, high = mean_interval([0.89, 0.90, 0.91], 0.95)
    assert (low, high) == pytest.approx((0.9 - 4.302653 * 0.01 / 3**0.5, 0.9 + 4.302653 * 0.01 / 3**0.5))


@pytest.mark.parametrize("accuracies", [[0.9], [0.75, 0.75]])
def test_where_seeds_show_no_spread_there_is_no_interval(accuracies):
    assert mean_interval(accuracies, 0.95) is None


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_bootstrap_is_near_the_normal_interval_for_many_texts(confidence):
    random = np.random.default_rng(1)
    first, second = random.random(2000) < 0.9, random.random(2000) < 0.85
    difference = first.astype(float) - second
    low, high = bootstrap_interval(first, second, confidence)
    half = stats.norm.ppf(0.5 + confidence / 2) * difference.std() / 2000**0.5
    assert (low, high) == pytest.approx((difference.mean() - half, difference.mean() + half), abs=0.1 * half)


def test_bootstrap_covers_the_truth_as_often_as_it_says():
    """200 studies of 80 texts with a true difference of 0.1: of 80 % intervals 160 +- 3 x 5.7 should hold it."""
    random = np.random.default_rng(0)
    intervals = [bootstrap_interval(random.random(80) < 0.8, random.random(80) < 0.7, 0.8) for _ in range(200)]
    assert 140 <= sum(low <= 0.1 <= high for low, high in intervals) <= 180


def test_bootstrap_is_paired():
    """Students that fail on the same texts differ by little, although each alone is uncertain."""
    first = np.repeat([True, False], 50)
    second = first.copy()
    second[0] = False
    low, high = bootstrap_interval(first, second, 0.95)
    assert 0 <= low < 0.01 < high <= 0.05


def test_bootstrap_takes_shares_of_seeds_and_is_the_same_each_time():
    first, second = np.array([1, 0.5, 0, 1, 0.5]), np.array([0, 0.5, 0, 1, 1.0])
    low, high = bootstrap_interval(first, second, 0.9)
    assert low < (first - second).mean() < high
    assert (low, high) == bootstrap_interval(first, second, 0.9)
    assert bootstrap_interval(second, first, 0.9) == pytest.approx((-high, -low))


def test_a_constant_difference_has_no_width():
    assert bootstrap_interval(np.ones(4), np.ones(4), 0.95) == (0, 0)
    assert bootstrap_interval(np.ones(4), np.zeros(4), 0.95) == (1, 1)
