"""What the KFP UI shows of a step: numbers, a confusion matrix, a picture."""

import base64
import html
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.metrics import confusion_matrix

from components.foundation.storage import write_json, write_whole

_MOST_LABELS = 25
_OTHERS = "(all others)"


def show_metrics(artifact: Any, values: Mapping[str, float]) -> None:
    """Put the finite numbers among the values into a KFP Metrics artifact; any other value breaks a task."""
    finite = {name: float(value) for name, value in values.items() if math.isfinite(value)}
    artifact.metadata.update(finite)
    write_json(artifact.path, finite)


def show_confusion_matrix(artifact: Any, predictions: pd.DataFrame) -> None:
    """Put the confusions of the test split into a KFP ClassificationMetrics artifact.

    Args:
        artifact: The artifact.
        predictions: Columns `split`, `label` and `predicted`, as an evaluation has them.
    """
    test = predictions[predictions["split"] == "test"]
    labels = shown_labels(test["label"], test["predicted"])
    shown = [test[column].where(test[column].isin(labels), _OTHERS) for column in ("label", "predicted")]
    categories = labels if set(labels) >= {*test["label"], *test["predicted"]} else [*labels, _OTHERS]
    artifact.log_confusion_matrix(categories, confusion_matrix(*shown, labels=categories).tolist())
    write_json(artifact.path, artifact.metadata)


def shown_labels(true: pd.Series, predicted: pd.Series) -> list[str]:
    """The labels that fit into a matrix that can be read: all, or the 25 that are confused most often; sorted."""
    names = sorted({*true, *predicted})
    if len(names) <= _MOST_LABELS:
        return names
    wrong = true != predicted
    errors = pd.concat([true[wrong], predicted[wrong]]).value_counts()
    most = sorted(names, key=lambda name: (-errors.get(name, 0), name))[:_MOST_LABELS]
    return sorted(most)


def show_image(page: str | Path, image: str | Path, title: str) -> None:
    """Write a PNG image as an HTML page of its own, as the UI's sandbox loads nothing."""
    data = base64.b64encode(Path(image).read_bytes()).decode()
    write_whole(page, f'<!doctype html><title>{html.escape(title)}</title><img alt="{html.escape(title)}" '
                      f'style="max-width: 100%" src="data:image/png;base64,{data}">\n')  # fmt: skip
