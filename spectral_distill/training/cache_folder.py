"""The folder that trainings leave their checkpoints in: a local run's workspace, or a volume that outlives a pod."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from spectral_distill.core.progress import emit

VARIABLE = "SPECTRAL_DISTILL_CHECKPOINTS"
"""Names the folder. Without it checkpoints vanish with the task."""


@contextmanager
def training_folder(name: str) -> Iterator[Path]:
    """A training's own folder: below the folder of trainings or, where there is none, one that vanishes.

    One process at a time: candidates that choose the same layers are the same training, and who comes second finds it
    done.
    """
    root = os.environ.get(VARIABLE)
    if root:
        folder = Path(root) / name
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(FileLock(folder / "lock")):
            yield folder
    else:
        with tempfile.TemporaryDirectory() as scratch:
            yield Path(scratch)


def _alone(lock: FileLock) -> AbstractContextManager[object]:
    try:
        return lock.acquire(blocking=False)
    except Timeout:
        emit("note", message="another task trains the same: waiting for its result")
        return lock.acquire()
