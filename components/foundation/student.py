"""What a student's folder says of itself, beside the files of `save_pretrained`: `distillation.json`."""

import json
from pathlib import Path
from typing import Any

from components.foundation.candidates import Candidate

_FILE = "distillation.json"


def write_description(about: dict[str, Any], folder: Path) -> None:
    """`about`: `candidate` and `settings`, as they were when the student was made."""
    (folder / _FILE).write_text(json.dumps(about, indent=2), encoding="utf-8")


def read_description(folder: str | Path) -> dict[str, Any]:
    return json.loads((Path(folder) / _FILE).read_text(encoding="utf-8"))


def candidate_of(folder: str | Path) -> Candidate:
    return Candidate(**read_description(folder)["candidate"])
