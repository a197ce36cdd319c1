"""Every setting of a run, declared once: name, type, default, bounds, and what it means.

A setting's prefix says what it belongs to. The pipeline's form in the KFP UI shows those that people set at every run;
those marked `advanced` go into its one JSON parameter of that name. The command line has an option for each.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from spectral_distill.core.options import Options

ADVANCED = "advanced"
"""The pipeline's parameter that holds the settings marked so."""

# In the order that docs/results.md found so far. The last is the method that this project is named after.
DEFAULT_CANDIDATES: list[dict[str, Any]] = [
    {"strategy": "uniform", "layers": 3},
    {"strategy": "linear_cka", "layers": 3},
    {"strategy": "spectral_coverage", "layers": 3},
    {"strategy": "spectral_intensity", "layers": 3},
]


def _advanced(default: Any, **about: Any) -> Any:
    return Field(default, json_schema_extra={ADVANCED: True}, **about)


class SourceOptions(Options):
    """Where the data comes from."""

    data: str = Field(
        "demo:bike-share",
        min_length=1,
        description="Labelled texts: a csv, jsonl or parquet file, a folder with train/validation/test files, "
        "s3://bucket/key, hf://owner/name, or demo:bike-share (synthetic).",
    )
    data_out_of_scope: str = Field(
        "", description="Optional file of out-of-scope texts, which belong to no class; scored by confidence (AUROC)."
    )
    data_unlabelled: str = Field(
        "", description="Optional file of unlabelled texts, from a log say; students learn the teacher's predictions."
    )


class PreparationOptions(Options):
    """Columns and splits."""

    data_text_column: str = Field("text", min_length=1, description="Name of the column with the texts.")
    data_label_column: str = Field("label", min_length=1, description="Name of the column with the labels.")
    data_validation_share: float = _advanced(
        0.1,
        gt=0,
        lt=0.5,
        description="Share of the training examples held out where the data has no validation split.",
    )
    data_test_share: float = _advanced(
        0.2, gt=0, lt=0.5, description="Share of all examples held out where the data has no test split."
    )
    data_split_seed: int = _advanced(13, ge=0, description="Seed of the splits that the pipeline makes.")
    data_examples_per_label: int = _advanced(
        0, ge=0, description="Maximum of labelled examples per label for training and validation together; 0 uses all."
    )
    data_augmented_copies: int = _advanced(
        0,
        ge=0,
        le=20,
        description="Copies of each training text with words dropped, replaced or spliced, for students to learn the "
        "teacher's predictions on; 0 makes none.",
    )

    @model_validator(mode="after")
    def _two_columns(self) -> "PreparationOptions":
        if self.data_text_column == self.data_label_column:
            raise ValueError(
                f"data_text_column and data_label_column: found {self.data_text_column!r} for both, expected two "
                "columns; name the column of the texts and the one of the labels"
            )
        return self


class TeacherSourceOptions(Options):
    """Where the teacher comes from."""

    teacher: str = Field(
        "demo:minilm",
        min_length=1,
        description="Checkpoint to fine-tune, or fine-tuned classifier to import: a folder, s3://, models:/, runs:/, "
        "a hub id, or demo:minilm.",
    )


class TeacherOptions(Options):
    """How the teacher is made."""

    teacher_fine_tune: bool = Field(True, description="Fine-tune the checkpoint; false imports a classifier.")
    teacher_max_tokens: int = Field(
        64, ge=4, le=8192, description="Maximum sequence length in tokens, for teacher and students."
    )
    teacher_epochs: int = Field(8, ge=1, le=1000, description="Epochs of the teacher's fine-tuning.")
    teacher_learning_rate: float = Field(1e-4, gt=0, lt=1, description="Peak learning rate of the teacher.")
    teacher_batch_size: int = _advanced(32, ge=1, le=4096, description="Batch size of the teacher's fine-tuning.")
    teacher_seed: int = _advanced(0, ge=0, description="Seed of the new head, the training order and dropout.")
    precision: Literal["auto", "float32", "bfloat16"] = _advanced(
        "auto",
        description="Format of matrix products, for teacher and students: auto takes bfloat16 where the machine that "
        "makes the teacher is faster in it.",
    )


class ProfileOptions(Options):
    """How the spectral profile is measured."""

    profile_examples: int = Field(
        2000, ge=1, description="Training texts that the spectral profile is measured on (all where there are fewer)."
    )
    profile_bins: int = _advanced(
        0, ge=0, description="Lowest frequency bins that the intensity is averaged over; 0 uses all."
    )
    profile_clip_sigmas: float = _advanced(
        5.0, gt=0, description="Outlier channels are clipped at this many robust standard deviations."
    )


class CandidateOptions(Options):
    """Which students are built."""

    candidates: list[dict[str, Any]] = Field(
        DEFAULT_CANDIDATES,
        description="Students to build, a JSON list. Each entry: strategy, layers, and optionally what "
        "docs/strategies.md lists: seed, student, losses, alignment, schedules.",
    )


class SignalOptions(Options):
    """How much of the teacher is cached."""

    signals_budget_gib: float = _advanced(
        4.0,
        ge=0,
        description="Maximum size of the cached hidden states in GiB; above it the teacher runs in every training "
        "step.",
    )


class StudentOptions(Options):
    """How long and how fast every student trains."""

    student_epochs: int = Field(10, ge=1, le=1000, description="Epochs over training and unlabelled texts.")
    student_learning_rate: float = Field(1e-4, gt=0, lt=1, description="Peak learning rate of each student.")
    student_batch_size: int = _advanced(32, ge=1, le=4096, description="Batch size of each student's training.")
    student_patience: int = _advanced(
        0, ge=0, description="Epochs without a better validation loss after which a student stops; 0 trains them all."
    )


class LatencyOptions(Options):
    """How latency and throughput are measured."""

    latency_batches: int = _advanced(
        40, ge=5, description="Batches that are timed for teacher and student, of 32 texts and of one."
    )


class ComparisonOptions(Options):
    """How sure a difference must be."""

    comparison_confidence: float = _advanced(
        0.95, ge=0.5, lt=1, description="Confidence of intervals; 1 - confidence is the level of tests."
    )


class PromotionOptions(Options):
    """What a student must show to become champion."""

    promotion_model: str = Field(
        "intent-student", pattern=r"^[^/:@\s]+$", description="Name of the registered model in MLflow."
    )
    promotion_margin: float = Field(
        0.005, ge=0, lt=1, description="Accuracy that a new champion may lose against the present one."
    )
    promotion_latency_budget_ms: float = Field(
        0.0, ge=0, description="Maximum p95 latency of a champion for one text, in milliseconds; 0 sets no limit."
    )


class PublishingOptions(Options):
    """Where the shipped student goes besides MLflow."""

    promotion_publish_to: str = Field(
        "",
        description="Where the shipped student, the report and the leaderboard are copied to, in a new folder: a "
        "folder (on a cluster: of a mounted volume) or s3://bucket/prefix; empty publishes nowhere.",
    )


class RunOptions(Options):
    """Whether there is anything to do."""

    force: bool = Field(
        False, description="Run although data, teacher, settings and code are those of an earlier finished run."
    )
