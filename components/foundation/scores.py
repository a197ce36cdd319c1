"""How good answers are: the scores of a classifier on the test split, and its answers as a table.

An evaluation is a folder with `evaluation.json` (`scores`, and what its step adds) and `predictions.parquet`
(`id`, `split`, `text`, `label`, `predicted`, `confidence`; labels by name, null for out-of-scope texts).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from datasets import DatasetDict
from scipy.special import softmax
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from components.foundation.intents import OUT_OF_SCOPE, class_names

if TYPE_CHECKING:  # reading an evaluation needs no model library
    from components.foundation.text_model import TextClassifier

_ECE_BINS = 15
_SCORES, _PREDICTIONS = "evaluation.json", "predictions.parquet"


def answer(classifier: "TextClassifier", data: DatasetDict, what: str) -> pd.DataFrame:
    """The classifier's answers on the test split and on out-of-scope texts, where there are any."""
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


def score(predictions: pd.DataFrame) -> dict[str, float]:
    """Accuracy, macro-F1 and calibration error on the test split; AUROC of confidence where there are strangers."""
    test = predictions[predictions["split"] == "test"]
    correct = (test["label"] == test["predicted"]).to_numpy()
    scores = {
        "accuracy": float(accuracy_score(test["label"], test["predicted"])),
        "macro_f1": float(f1_score(test["label"], test["predicted"], average="macro", zero_division=0)),
        "ece": expected_calibration_error(test["confidence"].to_numpy(), correct),
    }
    strangers = predictions[predictions["split"] == OUT_OF_SCOPE]
    if len(strangers):
        inside = np.r_[np.ones(len(test)), np.zeros(len(strangers))]
        confidence = np.r_[test["confidence"], strangers["confidence"]]
        scores["out_of_scope_auroc"] = float(roc_auc_score(inside, confidence))
    return scores


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Mean |accuracy - confidence| over 15 equal bins, weighted by size (Guo et al. 2017, equation 5); both [N]."""
    bins = np.clip((confidence * _ECE_BINS).astype(int), 0, _ECE_BINS - 1)
    gaps = [
        abs(correct[bins == index].mean() - confidence[bins == index].mean()) * (bins == index).mean()
        for index in np.unique(bins)
    ]
    return float(sum(gaps))


def flat_metrics(evaluation: dict[str, Any]) -> dict[str, float]:
    """The evaluation's main numbers under the names that MLflow shows."""
    speed = {
        f"speed.{size}.{key}": value for size, values in evaluation["speed"].items() for key, value in values.items()
    }
    return {
        **{f"test.{key}": value for key, value in evaluation["scores"].items()},
        **{f"size.{key}": value for key, value in evaluation["size"].items()},
        **speed,
    }


def save_evaluation(evaluation: dict[str, Any], predictions: pd.DataFrame, folder: Path) -> None:
    (folder / _SCORES).write_text(json.dumps(evaluation, indent=2, allow_nan=False), encoding="utf-8")
    predictions.to_parquet(folder / _PREDICTIONS, index=False)


def load_evaluation(folder: str | Path) -> tuple[dict[str, Any], pd.DataFrame]:
    evaluation = json.loads((Path(folder) / _SCORES).read_text(encoding="utf-8"))
    return evaluation, pd.read_parquet(Path(folder) / _PREDICTIONS)


def worst_pairs(predictions: pd.DataFrame, most: int) -> Sequence[tuple[str, str, int]]:
    """The (true, answered) label pairs that are confused most often, with their counts."""
    test = predictions[predictions["split"] == "test"]
    wrong = test[test["label"] != test["predicted"]]
    counts = wrong.groupby(["label", "predicted"]).size().sort_values(ascending=False, kind="stable").head(most)
    return [(str(true), str(answered), int(count)) for true, answered, count in counts.reset_index().to_numpy()]
