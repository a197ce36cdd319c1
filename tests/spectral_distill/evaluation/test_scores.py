"""Scores by hand, and by what must hold for any answers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectral_distill.evaluation.scores import (
    answer,
    expected_calibration_error,
    score,
    worst_pairs,
)
from tests.support.dataset import LABELS

answers = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def table(*rows: tuple[str | None, str, float]) -> pd.DataFrame:
    """Predictions from (label, predicted, confidence); a text without a label is out of scope."""
    frame = pd.DataFrame(rows, columns=["label", "predicted", "confidence"])
    frame["split"] = np.where(frame["label"].isna(), "out_of_scope", "test")
    frame["text"] = frame["id"] = [f"text {row}" for row in range(len(rows))]
    return frame


def test_calibration_error_by_hand():
    # Of 15 bins 0.67 and 0.73 share one (accuracy 1/2, confidence 0.70), 0.95 and 1.00 the last (1/2 against 0.975).
    confidence, correct = np.array([0.67, 0.73, 0.95, 1.0, 0.1]), np.array([True, False, True, False, False])
    expected = 2 / 5 * abs(0.5 - 0.70) + 2 / 5 * abs(0.5 - 0.975) + 1 / 5 * 0.1
    assert expected_calibration_error(confidence, correct) == pytest.approx(expected)


def test_gaps_of_one_bin_cancel_and_of_two_do_not():
    assert expected_calibration_error(np.array([0.5, 0.5]), np.array([True, False])) == pytest.approx(0)
    assert expected_calibration_error(np.array([0.2, 0.8]), np.array([True, False])) == pytest.approx(0.8)


@given(answers)
def test_calibration_error_lies_between_the_overall_gap_and_the_mean_gap(rows):
    confidence, correct = (np.array(column) for column in zip(*rows, strict=True))
    found = expected_calibration_error(confidence, correct)
    assert abs(correct.mean() - confidence.mean()) - 1e-12 <= found <= np.abs(correct - confidence).mean() + 1e-12


@given(answers, st.randoms(use_true_random=False))
def test_calibration_error_does_not_know_order(rows, random):
    shuffled = random.sample(rows, len(rows))
    found = [
        expected_calibration_error(*(np.array(column) for column in zip(*it, strict=True))) for it in (rows, shuffled)
    ]
    assert found[0] == pytest.approx(found[1], abs=1e-12)


def test_sure_and_right_is_calibrated_sure_and_wrong_is_not():
    sure = np.ones(7)
    assert expected_calibration_error(sure, np.ones(7, bool)) == 0
    assert expected_calibration_error(sure, np.zeros(7, bool)) == 1


def test_accuracy_and_macro_f1_by_hand():
    scores = score(table(("a", "a", 0.9), ("a", "a", 0.9), ("a", "b", 0.9), ("b", "b", 0.9)))
    assert scores.accuracy == pytest.approx(3 / 4)
    assert scores.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)  # a: precision 1, recall 2/3; b: 1/2, 1
    assert "out_of_scope_auroc" not in scores.model_dump()


def test_auroc_is_the_share_of_pairs_that_confidence_orders_right():
    known, strangers = [0.9, 0.6, 0.5], [0.7, 0.5]
    pairs = [(k > s) + 0.5 * (k == s) for k in known for s in strangers]
    rows = [("a", "a", confidence) for confidence in known] + [(None, "a", confidence) for confidence in strangers]
    assert score(table(*rows)).out_of_scope_auroc == pytest.approx(np.mean(pairs))


def test_out_of_scope_texts_change_no_other_score():
    rows = [("a", "a", 0.9), ("b", "a", 0.4), ("b", "b", 0.8)]
    with_strangers = score(table(*rows, (None, "a", 0.99), (None, "b", 0.2)))
    assert with_strangers.model_copy(update={"out_of_scope_auroc": None}) == score(table(*rows))


def test_worst_pairs_are_counted_and_ordered():
    confused = [("a", "b", 0.5)] * 3 + [("b", "a", 0.5)] + [("c", "a", 0.5)] * 2 + [("a", "a", 0.9)] * 9
    predictions = table(*confused, (None, "a", 0.5))
    assert worst_pairs(predictions, 2) == [("a", "b", 3), ("c", "a", 2)]
    assert worst_pairs(predictions, 9) == [("a", "b", 3), ("c", "a", 2), ("b", "a", 1)]
    assert worst_pairs(table(("a", "a", 1.0)), 9) == []


def test_answers_are_the_models_in_the_order_of_the_texts(tiny_classifier, tiny_data):
    predictions = answer(tiny_classifier, tiny_data, "evaluate")
    test, strangers = tiny_data["test"], tiny_data["out_of_scope"]
    assert list(predictions["split"]) == ["test"] * len(test) + ["out_of_scope"] * len(strangers)
    assert list(predictions["text"]) == [*test["text"], *strangers["text"]]
    assert list(predictions["label"]) == [*(LABELS[label] for label in test["label"]), *[None] * len(strangers)]
    for row in (0, 17, len(test) + 2):
        logits = tiny_classifier.logits([predictions["text"][row]])[0].astype(float)
        chances = np.exp(logits) / np.exp(logits).sum()
        assert predictions["predicted"][row] == LABELS[chances.argmax()]
        assert predictions["confidence"][row] == pytest.approx(chances.max(), rel=1e-4)
