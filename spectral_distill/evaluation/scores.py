"""Predictions of a classifier as a table (see `artifact`), and their scores on the test split."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from datasets import DatasetDict
from scipy.special import softmax
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from spectral_distill.data.dataset import OUT_OF_SCOPE, class_names
from spectral_distill.evaluation.artifact import Scores

if TYPE_CHECKING:  # scores need no model library
    from spectral_distill.models.text_classifier import TextClassifier

_ECE_BINS = 15


def answer(classifier: "TextClassifier", data: DatasetDict, what: str) -> pd.DataFrame:
    """Predict the labels of the test split, and of out-of-scope texts if there are any.

    Args:
        classifier: The classifier.
        data: The dataset.
        what: Name of the work in progress reports.

    Returns:
        Predictions, in the columns of `artifact`.
    """
    names = np.array(class_names(data), dtype=object)
    parts = []
    for split in [name for name in ("test", OUT_OF_SCOPE) if name in data]:
        rows = data[split]
        chances = softmax(classifier.logits(rows["text"], what=f"{what}: {split.replace('_', ' ')}"), axis=1)
        parts.append(
            pd.DataFrame(
                {
                    "id": rows["id"],
                    "split": split,
                    "text": rows["text"],
                    "label": [None if label < 0 else names[label] for label in rows["label"]],
                    "predicted": names[chances.argmax(axis=1)],
                    "confidence": chances.max(axis=1),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def score(predictions: pd.DataFrame) -> Scores:
    """Compute a classifier's scores.

    Args:
        predictions: Predictions, in the columns of `artifact`.

    Returns:
        Accuracy, macro-F1 and calibration error on the test split, and the AUROC of confidence if there are
        out-of-scope texts. A low confidence is to mark these, as in Hendrycks and Gimpel 2017
        (https://arxiv.org/abs/1610.02136).
    """
    test = predictions[predictions["split"] == "test"]
    correct = (test["label"] == test["predicted"]).to_numpy()
    return Scores(
        accuracy=float(accuracy_score(test["label"], test["predicted"])),
        macro_f1=float(f1_score(test["label"], test["predicted"], average="macro", zero_division=0)),
        ece=expected_calibration_error(test["confidence"].to_numpy(), correct),
        out_of_scope_auroc=_out_of_scope_auroc(test, predictions[predictions["split"] == OUT_OF_SCOPE]),
    )


def _out_of_scope_auroc(test: pd.DataFrame, out_of_scope: pd.DataFrame) -> float | None:
    if out_of_scope.empty:
        return None
    in_scope = np.r_[np.ones(len(test)), np.zeros(len(out_of_scope))]
    return float(roc_auc_score(in_scope, np.r_[test["confidence"], out_of_scope["confidence"]]))


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Compute the mean |accuracy - confidence| over 15 equal bins of confidence, weighted by their size.

    Source: Guo et al. 2017, equation 5 (https://arxiv.org/abs/1706.04599).

    Args:
        confidence: Probability of each predicted label, [N].
        correct: Whether each prediction is correct, bool [N].

    Returns:
        The error, from 0 (calibrated) to 1.
    """
    bins = np.clip((confidence * _ECE_BINS).astype(int), 0, _ECE_BINS - 1)
    gaps = [
        abs(correct[bins == index].mean() - confidence[bins == index].mean()) * (bins == index).mean()
        for index in np.unique(bins)
    ]
    return float(sum(gaps))


def worst_pairs(predictions: pd.DataFrame, most: int) -> Sequence[tuple[str, str, int]]:
    """List the pairs of labels that are confused most often.

    Args:
        predictions: Predictions, in the columns of `artifact`.
        most: Maximum number of pairs.

    Returns:
        (true label, predicted label, count) on the test split, in descending order of the counts.
    """
    test = predictions[predictions["split"] == "test"]
    wrong = test[test["label"] != test["predicted"]]
    counts = wrong.groupby(["label", "predicted"]).size().sort_values(ascending=False, kind="stable").head(most)
    return [(str(true), str(answered), int(count)) for true, answered, count in counts.reset_index().to_numpy()]
