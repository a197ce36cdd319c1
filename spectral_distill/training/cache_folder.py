"""The folder of the training cache: in a local run's workspace, or on a volume that outlives a pod."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from spectral_distill.core.progress import emit

VARIABLE = "SPECTRAL_DISTILL_CHECKPOINTS"
"""The environment variable that names the folder. Without it, checkpoints are deleted with the task."""


@contextmanager
def training_folder(name: str) -> Iterator[Path]:
    """Provide the folder of one training, inside the folder of the training cache.

    Without a cache, the folder is temporary. Only one process at a time gets the folder: candidates with the same
    layers are the same training, and the second one finds the result of the first.

    Args:
        name: Digest of the training (see `cache.digest`).

    Yields:
        The folder, which exists.
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
