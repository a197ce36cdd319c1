"""Ask the champion."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from scipy.special import softmax

from spectral_distill.core.errors import UserError
from spectral_distill.models import checkpoints
from spectral_distill.models.text_classifier import load_classifier
from spectral_distill.tracking import registry


def answer_with_champion(name: str, texts: Sequence[str]) -> list[tuple[str, float]]:
    """Label and confidence for each text, by the registered model's champion."""
    empty = [position for position, text in enumerate(texts, start=1) if not text.strip()]
    if empty:
        raise UserError(f"text {empty[0]}: found an empty text, expected words")
    uri = f"models:/{name}@{registry.CHAMPION}"
    with tempfile.TemporaryDirectory() as scratch:
        champion = load_classifier(checkpoints.fetch(uri, checkpoints.version(uri), Path(scratch)))
    chances = softmax(champion.logits(texts), axis=1)
    return [(champion.labels[row.argmax()], float(row.max())) for row in chances]
