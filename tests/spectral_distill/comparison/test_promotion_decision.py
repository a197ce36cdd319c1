"""When a student becomes champion, and what is said when it does not."""

import pytest

from spectral_distill.comparison.artifact import Champion, Promotion
from spectral_distill.comparison.promotion import decide
from spectral_distill.core.settings import PromotionOptions

CHAMPION = Champion(version=3, accuracy=0.9)


def decision(
    accuracy: float, champion: Champion | None = CHAMPION, *, p95_ms: float = 5.0, margin: float = 0.02,
    budget_ms: float = 0.0,
) -> Promotion:  # fmt: skip
    """What is decided, with the champion that it was decided against."""
    options = PromotionOptions(promotion_margin=margin, promotion_latency_budget_ms=budget_ms)
    found = decide(accuracy, p95_ms, champion, options)
    assert found.champion_before == champion
    return found


def test_the_first_student_is_champion():
    found = decision(0.1, None)
    assert (found.alias, found.reason) == ("champion", "there is no champion yet")


@pytest.mark.parametrize("accuracy", [0.95, 0.9, 0.885])
def test_not_worse_by_more_than_the_margin_is_champion(accuracy):
    found = decision(accuracy)
    assert found.alias == "champion"
    assert found.reason == (
        f"accuracy {accuracy:.2%} against 90.00% of the champion (version 3) on the same test texts "
        "is not worse by more than the margin of 2.00%"
    )


def test_worse_by_more_than_the_margin_is_challenger():
    found = decision(0.87)
    assert found.alias == "challenger"
    assert found.reason.startswith("accuracy 87.00% against 90.00% of the champion (version 3)")
    assert found.reason.endswith("is worse by more than the margin of 2.00%")


@pytest.mark.parametrize(("champion", "accuracy", "margin"), [(181, 180, 0.005), (60, 58, 0.01), (190, 190, 0.0)])
def test_exactly_the_margin_is_allowed(champion, accuracy, margin):
    """Of 200 texts; 0.905 - 0.9 is a little more than 0.005 in floating point."""
    found = decision(accuracy / 200, Champion(version=3, accuracy=champion / 200), margin=margin)
    assert found.alias == "champion"


def test_one_text_more_than_the_margin_is_refused():
    assert decision(179 / 200, Champion(version=3, accuracy=181 / 200), margin=0.005).alias == "challenger"


@pytest.mark.parametrize("champion", [None, CHAMPION])
def test_too_slow_is_challenger_whoever_is_champion(champion):
    found = decision(0.99, champion, p95_ms=8.126, budget_ms=8.0)
    assert (found.alias, found.reason) == ("challenger", "p95 latency is 8.13 ms, over the budget of 8 ms")


def test_within_the_budget_accuracy_decides():
    assert decision(0.9, p95_ms=8.0, budget_ms=8.0).alias == "champion"
    assert decision(0.5, p95_ms=8.0, budget_ms=8.0).alias == "challenger"


def test_a_budget_of_zero_sets_no_limit():
    assert decision(0.9, p95_ms=1e6, budget_ms=0.0).alias == "champion"


def test_a_champion_that_cannot_be_compared_stays():
    found = decision(0.99, Champion(version=4, problem="it answers 7 other labels"))
    assert found.alias == "challenger"
    assert found.reason == "the champion (version 4) cannot be compared: it answers 7 other labels"
