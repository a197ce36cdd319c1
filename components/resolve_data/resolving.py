"""What a run starts from, looked up now: versions of data and teacher, and whether the request makes sense."""

import json
import re
from pathlib import Path
from typing import Any

from components.foundation import checkpoints, storage
from components.foundation.candidates import check_student_depth, parse_candidates
from components.foundation.demo import tables
from components.foundation.errors import UserError

MOST_CANDIDATES = 50
"""What the workflow of one run on Kubeflow can hold, with a margin (docs/cluster.md#size)."""

_HUB_ID = re.compile(r"hf://[\w.-]+(/[\w.-]+)?")


def data_version(source: str) -> str:
    """What a data source holds now; an empty source has an empty version."""
    if not source:
        return ""
    if source.startswith("demo:"):
        return tables.version(source)
    if source.startswith("hf://"):
        return _hub_revision(source)
    return storage.version(source)


def check_candidates(candidates: list[Any], teacher: str) -> None:
    """Refuse what can be refused before any compute: bad candidates, too many of them, more layers than the teacher or
    the checkpoint to start from has."""
    if len(candidates) > MOST_CANDIDATES:
        raise UserError(
            f"candidates: found {len(candidates)}, expected at most {MOST_CANDIDATES}, as the workflow of a run holds "
            "no more; split them over several runs"
        )
    for index, candidate in enumerate(parse_candidates(candidates, depth=readable_depth(teacher))):
        depth = readable_depth(candidate.student) if candidate.student else None
        if depth is not None:
            check_student_depth(candidate, depth, f"candidates[{index}]")


def student_checkpoints(candidates: list[Any]) -> list[str]:
    """The checkpoints that candidates start from, each once, sorted."""
    return sorted({candidate.student for candidate in parse_candidates(candidates) if candidate.student})


def readable_depth(checkpoint: str) -> int | None:
    """A checkpoint's depth where its configuration lies on this machine; None where it must be fetched first."""
    is_demo = checkpoint == "demo:minilm"
    folder = checkpoints.fetch(checkpoint, "", Path()) if is_demo else Path(checkpoint).expanduser()
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found = [config.get(name) for name in ("num_hidden_layers", "n_layers")] if isinstance(config, dict) else []
    return next((value for value in found if isinstance(value, int)), None)


def _hub_revision(source: str) -> str:
    from huggingface_hub import HfApi

    if not _HUB_ID.fullmatch(source):
        raise UserError(f"data {source}: expected hf://owner/name")
    with checkpoints.hub_errors(f"data {source}"):
        return f"revision:{HfApi().dataset_info(source.removeprefix('hf://')).sha}"
