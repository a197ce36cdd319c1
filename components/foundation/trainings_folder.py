"""The folder that trainings leave their checkpoints in: a local run's workspace, or a volume that outlives a pod."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "SPECTRAL_DISTILL_CHECKPOINTS"
"""Names the folder. Without it checkpoints vanish with the task."""


@contextmanager
def training_folder(name: str) -> Iterator[Path]:
    """A training's own folder: below the folder of trainings or, where there is none, one that vanishes."""
    root = os.environ.get(VARIABLE)
    if root:
        folder = Path(root) / name
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    else:
        with tempfile.TemporaryDirectory() as scratch:
            yield Path(scratch)
