"""The checkpoint that a student starts from where it does not take the teacher's layers."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from spectral_distill.models import checkpoints
from spectral_distill.models.text_classifier import TextClassifier, load_classifier


def load_starting_checkpoint(uri: str, pinned: Mapping[str, str], teacher: TextClassifier) -> TextClassifier:
    """Its encoder in the version that `pinned` has for it, and its tokenizer; a new head for the teacher's labels, and
    the teacher's limit of tokens and precision."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = checkpoints.fetch(uri, pinned[uri], Path(scratch))
        return load_classifier(
            folder, max_tokens=teacher.max_tokens, labels=teacher.labels, precision=teacher.precision
        )
