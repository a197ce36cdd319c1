"""The checkpoint of a student that does not start from the teacher's layers."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from spectral_distill.models import checkpoints
from spectral_distill.models.text_classifier import TextClassifier, load_classifier


def load_starting_checkpoint(uri: str, pinned: Mapping[str, str], teacher: TextClassifier) -> TextClassifier:
    """Load a student's own checkpoint, with a new head for the teacher's labels.

    Args:
        uri: Checkpoint of the student.
        pinned: Version of each checkpoint, by URI.
        teacher: Gives the labels, the maximum number of tokens and the precision.

    Returns:
        The untrained student, with its own encoder and tokenizer.

    Raises:
        UserError: The checkpoint changed or cannot be read.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = checkpoints.fetch(uri, pinned[uri], Path(scratch))
        return load_classifier(
            folder, max_tokens=teacher.max_tokens, labels=teacher.labels, precision=teacher.precision
        )
