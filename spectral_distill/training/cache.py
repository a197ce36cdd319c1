"""The training cache: a training that was interrupted resumes, and a finished one is not repeated.

A training's folder (see `cache_folder.training_folder`) is named by a digest of everything that decides its result.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor, uint8

from spectral_distill.core.fingerprint import fingerprint
from spectral_distill.storage.uris import whole_folder

DECIDED_BY = (
    *(f"spectral_distill.{package}" for package in ("models", "training", "distillation")),
    "spectral_distill.spectra.transforms",  # losses and features use it
)
"""The packages and modules whose code decides the result of a training.

Other code counts by its results: settings, texts, teacher signals and initial weights are part of the digest. The rest
of `spectra`, and all of `core`, `data`, `selection`, `storage` and `tracking`, are therefore left out.
"""
_WEIGHTS, _HISTORY, _STATE = "model.safetensors", "history.json", "trainer_state.json"


def digest(weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> str:
    """Name a training by everything that decides its result, this project's code included (see `DECIDED_BY`).

    Args:
        weights: The weights that it starts from, by name.
        facts: Everything else that decides the result, by name: tensors, or values that JSON can hold.

    Returns:
        32 hex digits.
    """
    found = hashlib.sha256(fingerprint(*DECIDED_BY).encode())
    for name, value in sorted({**weights, **facts}.items()):
        found.update(name.encode())
        if isinstance(value, Tensor):
            found.update(value.detach().cpu().contiguous().flatten().view(uint8).numpy().data)
        else:
            found.update(json.dumps(value, sort_keys=True, default=str).encode())
    return found.hexdigest()[:32]


class Training:
    """The folder of one training: Trainer's checkpoints while it runs, weights and history when it is finished.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._result = folder / "result"

    @property
    def is_finished(self) -> bool:
        """Whether the training has a result."""
        return self._result.is_dir()

    def latest_checkpoint(self) -> str | None:
        """Find the latest complete checkpoint. Trainer writes a checkpoint's state last.

        Returns:
            Its folder; None if there is none.
        """
        complete = [path.parent for path in self.folder.glob(f"checkpoint-*/{_STATE}") if _is_json(path)]
        return str(max(complete, key=_step)) if complete else None

    def finish(self, weights: Mapping[str, Tensor], history: list[dict[str, Any]]) -> None:
        """Save the result as an atomic directory, then delete the checkpoints.

        Args:
            weights: The trained weights, by name.
            history: Trainer's log entries.
        """
        with whole_folder(self._result) as folder:
            save_file({name: tensor.detach().cpu().clone() for name, tensor in weights.items()}, folder / _WEIGHTS)
            (folder / _HISTORY).write_text(json.dumps(history), encoding="utf-8")
        for checkpoint in self.folder.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)

    def result(self) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
        """Load the result of a finished training.

        Returns:
            The weights on the CPU, by name, and Trainer's log entries.
        """
        return load_file(self._result / _WEIGHTS), json.loads((self._result / _HISTORY).read_text(encoding="utf-8"))


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
