"""What a student's folder says of itself, beside the files of `save_pretrained`: `distillation.json`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spectral_distill.distillation.candidates import Candidate
from spectral_distill.selection.mapping import Selection, selection_of

_FILE = "distillation.json"


def write_description(
    *, candidate: Candidate, selection: Selection, settings: dict[str, Any], signals: dict[str, Any], folder: Path
) -> None:
    """`settings` of the training; `signals`: the facts of the teacher's signals that it learned from."""
    about = {
        "candidate": candidate.model_dump(),
        "selection": asdict(selection),
        "settings": settings,
        "signals": signals,
    }
    (folder / _FILE).write_text(json.dumps(about, indent=2), encoding="utf-8")


class Description:
    """How a student was made: candidate, selection, settings, and the facts of the signals."""

    def __init__(self, folder: str | Path):
        about = json.loads((Path(folder) / _FILE).read_text(encoding="utf-8"))
        self.candidate = Candidate(**about["candidate"])
        self.selection = selection_of(about["selection"])
        self.settings: dict[str, Any] = about["settings"]
        self.signals: dict[str, Any] = about["signals"]
