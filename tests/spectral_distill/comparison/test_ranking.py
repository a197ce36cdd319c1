"""Leaderboards of made-up answers whose right verdict is known."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from spectral_distill.comparison.ranking import Contestant, correct_on_test, rank
from spectral_distill.comparison.statistics import mcnemar_p, mean_interval
from spectral_distill.core.settings import ComparisonOptions

TEXTS = 400
OPTIONS = ComparisonOptions(comparison_confidence=0.95)
TEACHER = np.arange(TEXTS) < 380


def student(configuration: str, right: int, *, seed: int = 0, parameters: int = 100, start: int = 0) -> Contestant:
    """A student that is right on `right` texts, from position `start` on."""
    return Contestant(
        name=f"{configuration}-s{seed}",
        configuration=configuration,
        seed=seed,
        parameters=parameters,
        correct=(np.arange(TEXTS) - start) % TEXTS < right,
    )


def test_a_clear_winner_is_named_and_ships():
    ranking = rank([student("weak", 300), student("strong", 370), student("weaker", 250)], TEACHER, OPTIONS)
    assert [row.configuration for row in ranking.standings] == ["strong", "weak", "weaker"]
    assert [row.rank for row in ranking.standings] == [1, 2, 3]
    verdict = ranking.verdict
    assert (verdict.winner, verdict.ship, verdict.tied) == ("strong", "strong-s0", ["strong"])
    assert "significantly better than every other candidate" in verdict.reason


def test_a_clear_winner_ships_however_large():
    ranking = rank([student("small", 300, parameters=1), student("large", 370, parameters=900)], TEACHER, OPTIONS)
    assert ranking.verdict.ship == "large-s0"


def test_of_tied_students_the_smallest_ships_and_none_wins():
    contestants = [
        student("large", 372, parameters=900),
        student("small", 370, parameters=100),
        student("tiny but bad", 200, parameters=1),
    ]
    ranking = rank(contestants, TEACHER, OPTIONS)
    verdict = ranking.verdict
    assert ranking.standings[0].configuration == "large"
    assert (verdict.winner, verdict.ship, verdict.tied) == (None, "small-s0", ["large", "small"])
    assert f"on {TEXTS} test texts large, small cannot be told apart" in verdict.reason
    assert verdict.reason.endswith("small is the smallest of them.")


def test_of_tied_students_of_one_size_the_most_accurate_ships():
    verdict = rank([student("b", 370), student("a", 371)], TEACHER, OPTIONS).verdict
    assert (verdict.winner, verdict.ship) == (None, "a-s0")
    assert verdict.reason.endswith("a is the smallest of them, and of equal size the most accurate.")


def test_equal_accuracy_ranks_the_smaller_first():
    ranking = rank([student("large", 370, parameters=9), student("small", 370, parameters=1)], TEACHER, OPTIONS)
    assert [row.configuration for row in ranking.standings] == ["small", "large"]


def test_equal_accuracy_on_other_texts_is_a_tie():
    verdict = rank([student("a", 300), student("b", 300, start=100)], TEACHER, OPTIONS).verdict
    assert (verdict.winner, verdict.tied) == (None, ["a", "b"])


def test_a_single_candidate_ships_without_a_contest():
    ranking = rank([student("only", 300)], TEACHER, OPTIONS)
    assert ranking.standings[0].versus_best is None
    assert ranking.verdict.ship == "only-s0"
    assert ranking.verdict.reason == "only is the only candidate."


def test_seeds_are_one_configuration_with_their_mean():
    seeds = [student("a", 360, seed=2), student("a", 366, seed=0), student("a", 372, seed=1)]
    ranking = rank([seeds[0], student("b", 200), *seeds[1:]], TEACHER, OPTIONS)
    row = ranking.standings[0]
    assert len(ranking.standings) == 2
    assert (row.configuration, row.student, row.seeds) == ("a", "a-s0", [0, 1, 2])
    assert row.accuracy == pytest.approx(366 / TEXTS)
    expected = mean_interval([360 / TEXTS, 366 / TEXTS, 372 / TEXTS], 0.95)
    assert row.accuracy_interval_over_seeds == pytest.approx(expected)
    assert row.versus_teacher.difference == pytest.approx((366 - 380) / TEXTS)
    assert ranking.verdict.ship == "a-s0"  # seed 1 is better on the very texts that the scores are told of


def test_the_mean_over_seeds_ranks_not_the_luckiest_seed():
    lucky = [student("lucky", 375, seed=0), student("lucky", 300, seed=1)]
    ranking = rank([*lucky, student("steady", 360)], TEACHER, OPTIONS)
    assert [row.configuration for row in ranking.standings] == ["steady", "lucky"]


def test_one_seed_has_no_interval_over_seeds():
    assert rank([student("a", 360)], TEACHER, OPTIONS).standings[0].accuracy_interval_over_seeds is None


def test_differences_have_intervals_and_corrected_p_values():
    best, middle, worst = student("best", 372), student("middle", 362), student("worst", 355)
    rows = rank([worst, best, middle], TEACHER, OPTIONS).standings
    assert rows[0].versus_best is None
    assert rows[1].versus_best.difference == pytest.approx(-10 / TEXTS)
    assert rows[2].versus_best.low < -17 / TEXTS < rows[2].versus_best.high < 0
    pairs = [(best, middle), (best, worst), (middle, worst)]
    raw = [mcnemar_p(one.correct, other.correct) for one, other in pairs]
    _, corrected, _, _ = multipletests(raw, method="holm")  # of all pairs: which one leads is seen on the same texts
    assert rows[1].versus_best.p_holm == pytest.approx(corrected[0])
    assert rows[2].versus_best.p_holm == pytest.approx(corrected[1])
    teacher_p = [mcnemar_p(TEACHER, member.correct) for member in (best, middle, worst)]
    assert rows[2].versus_teacher.p_holm == pytest.approx(3 * teacher_p[2])


def test_more_confidence_asks_for_more():
    contestants = [student("a", 372), student("b", 364)]  # 8 texts apart, all one way: p = 2 / 2 ** 8 = 0.0078
    assert rank(contestants, TEACHER, ComparisonOptions(comparison_confidence=0.99)).verdict.winner == "a"
    assert rank(contestants, TEACHER, ComparisonOptions(comparison_confidence=0.995)).verdict.winner is None


def test_a_lower_mean_alone_is_no_defeat():
    """b's mean is below a's because one seed failed; its best seed beats a's. `a` must not be called the winner."""
    contestants = [student("a", 340), student("b", 380, seed=0), student("b", 290, seed=1)]
    ranking = rank(contestants, TEACHER, OPTIONS)
    assert ranking.standings[0].configuration == "a"
    assert ranking.verdict.winner is None


def test_only_test_texts_count():
    predictions = pd.DataFrame(
        {
            "split": ["test", "test", "out_of_scope", "test"],
            "label": ["a", "b", None, "c"],
            "predicted": ["a", "c", "a", "c"],
        }
    )
    assert correct_on_test(predictions).tolist() == [True, False, True]
    assert correct_on_test(predictions).dtype == bool
