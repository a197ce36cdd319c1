"""What a run starts from."""

from typing import Any

from pydantic import Field

from components.foundation.candidates import DEFAULT_CANDIDATES
from components.foundation.options import Options


class SourceOptions(Options):
    """Where things come from and which students are wanted."""

    data: str = Field(
        "demo:bike-share",
        min_length=1,
        description="Labelled texts: a csv, jsonl or parquet file, a folder with train/validation/test files, "
        "s3://bucket/key, hf://owner/name, or demo:bike-share (synthetic).",
    )
    out_of_scope_data: str = Field(
        "", description="Optional file of texts that belong to no class, scored by confidence (AUROC)."
    )
    unlabelled_data: str = Field(
        "", description="Optional file of texts without labels, from a log say; students learn the teacher's answers."
    )
    teacher: str = Field(
        "demo:minilm",
        min_length=1,
        description="Checkpoint to fine-tune, or fine-tuned classifier to import: a folder, s3://, models:/, runs:/, "
        "a hub id, or demo:minilm.",
    )
    candidates: list[dict[str, Any]] = Field(
        DEFAULT_CANDIDATES,
        description="Students to build, a JSON list. Each entry: strategy, layers, and optionally what "
        "docs/strategies.md lists: seed, student, losses, alignment, schedules.",
    )
