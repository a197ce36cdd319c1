"""Predict with a registered model: the champion of the latest run, unless the user names another one."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scipy.special import softmax

from spectral_distill.core.errors import UserError
from spectral_distill.models import checkpoints
from spectral_distill.models.text_classifier import load_classifier
from spectral_distill.tracking import history, registry

_NAMED = re.compile(r"(?P<name>[^/:@\s]+)(?:/(?P<version>\d+)|@(?P<alias>[^/:@\s]+))?")


def model_uri(model: str | None) -> str:
    """Resolve the option `--model`.

    Args:
        model: `name` (its champion), `name/3`, `name@alias`, or a URI as MLflow writes it; None means the champion of
            the latest run.

    Returns:
        A `models:/` or `runs:/` URI.

    Raises:
        UserError: The text is none of these, or no run has registered a model yet.
    """
    if model is None:
        model = history.latest_registered_model()
        if model is None:
            raise UserError("--model: found no run that registered a model; start one, or name a model")
    if registry.is_model_uri(model):
        return model
    found = _NAMED.fullmatch(model)
    if found is None:
        raise UserError(
            f"--model: found {model!r}, expected name, name/3, name@alias or models:/name@alias; check the name"
        )
    if found["version"]:
        return f"models:/{found['name']}/{found['version']}"
    return f"models:/{found['name']}@{found['alias'] or registry.CHAMPION}"


def predict_with(uri: str, texts: Sequence[str]) -> list[tuple[str, float]]:
    """Predict labels with a registered model.

    Args:
        uri: The result of `model_uri`.
        texts: N texts.

    Returns:
        For each text, its label and the label's probability.

    Raises:
        UserError: A text is empty, or there is no such model.
    """
    empty = [position for position, text in enumerate(texts, start=1) if not text.strip()]
    if empty:
        raise UserError(f"text {empty[0]}: found an empty text, expected words")
    with tempfile.TemporaryDirectory() as scratch:
        classifier = load_classifier(checkpoints.fetch(uri, checkpoints.version(uri), Path(scratch)))
    probabilities = softmax(classifier.logits(texts), axis=1)
    return [(classifier.labels[row.argmax()], float(row.max())) for row in probabilities]
