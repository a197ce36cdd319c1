"""The `evaluation` artifact: `evaluation.json`, and the answers beside it in `predictions.parquet`.

Predictions have a row for each test text and each out-of-scope text: `id`, `split`, `text`, `label`, `predicted`,
`confidence`; labels by name, null for out-of-scope texts. Reading an evaluation needs no model library.
"""

from pathlib import Path
from typing import ClassVar, Literal

import pandas as pd

from spectral_distill.core.settings import LatencyOptions, StudentOptions, TeacherOptions
from spectral_distill.distillation.signals_facts import SignalsFacts
from spectral_distill.distillation.student import RecordedCandidate
from spectral_distill.storage.artifacts import Artifact, Record, SparseRecord

_PREDICTIONS = "predictions.parquet"


class Scores(SparseRecord):
    """How good a classifier's answers are.

    Attributes:
        accuracy: On the test split.
        macro_f1: On the test split.
        ece: Expected calibration error on the test split.
        out_of_scope_auroc: Of confidence, in-scope against out-of-scope texts; None without such texts.
    """

    accuracy: float
    macro_f1: float
    ece: float
    out_of_scope_auroc: float | None = None


class StudentScores(Scores):
    """A student's scores, also against its teacher.

    Attributes:
        agreement: Share of test texts that student and teacher answer alike.
        retention: Share of the teacher's accuracy that the student keeps.
    """

    agreement: float
    retention: float


class Size(Record):
    """Number of parameters and bytes of the weights, of student and teacher."""

    parameters: int
    bytes: int
    teacher_parameters: int
    teacher_bytes: int


class Latency(Record):
    """Model time of student and teacher for the same batches.

    Attributes:
        speedup: Median over batches of teacher time / student time.
        student_p50_ms: Median time of a batch, in milliseconds.
        student_p95_ms: 95th percentile, in milliseconds.
        student_texts_per_s: Throughput at the median.
        teacher_p50_ms: As the student's.
        teacher_p95_ms: As the student's.
        teacher_texts_per_s: As the student's.
    """

    speedup: float
    student_p50_ms: float
    student_p95_ms: float
    student_texts_per_s: float
    teacher_p50_ms: float
    teacher_p95_ms: float
    teacher_texts_per_s: float


class Speed(Record):
    """Latency of single texts, and of batches of 32."""

    batch_1: Latency
    batch_32: Latency


class LayerFidelity(Record):
    """Relative distance between a student layer's fingerprints and its teacher layers' (0 is the same).

    Attributes:
        student_layer: Counted from 0; -1 is the embeddings.
        teacher_layers: (teacher layer, weight) pairs.
        channel: Distance on the channel axis.
        token: Distance on the token axis.
    """

    student_layer: int
    teacher_layers: list[tuple[int, float]]
    channel: float
    token: float


class TeacherSettings(TeacherOptions):
    """The checkpoint that the teacher was made of, its version, and how it was made."""

    teacher: str
    teacher_version: str


class StudentSettings(LatencyOptions, StudentOptions):
    """How the student was trained and timed."""


class TeacherEvaluation(Artifact):
    """A teacher's scores, and how it was made."""

    KIND: ClassVar[str] = "teacher evaluation"
    FILE: ClassVar[str] = "evaluation.json"

    schema_version: Literal[1] = 1
    scores: Scores
    settings: TeacherSettings


class Evaluation(Artifact):
    """A student measured against its teacher.

    Attributes:
        name: The candidate's name.
        configuration: Its name without the seed.
        candidate: What was asked for.
        settings: Of the training and the measurements.
        signals: The facts of the teacher signals that the student learned from.
        scores: How good its answers are.
        size: Parameters and bytes of student and teacher.
        teacher_layers: The main teacher layer of each student layer, counted from 0.
        fidelity: How much its spectra look like the teacher's, at the embeddings and each layer.
        speed: Model time of student and teacher.
    """

    KIND: ClassVar[str] = "evaluation"
    FILE: ClassVar[str] = "evaluation.json"

    schema_version: Literal[1] = 1
    name: str
    configuration: str
    candidate: RecordedCandidate
    settings: StudentSettings
    signals: SignalsFacts
    scores: StudentScores
    size: Size
    teacher_layers: list[int]
    fidelity: list[LayerFidelity]
    speed: Speed

    def metrics(self) -> dict[str, float]:
        """The main numbers under the names that MLflow shows."""
        speed = {f"speed.{size}.{key}": value for size, found in self.speed for key, value in found}
        return {
            **{f"test.{key}": value for key, value in self.scores.model_dump().items()},
            **{f"size.{key}": value for key, value in self.size},
            **speed,
        }


def save_predictions(predictions: pd.DataFrame, folder: str | Path) -> None:
    """Write the predictions beside an evaluation."""
    predictions.to_parquet(Path(folder) / _PREDICTIONS, index=False)


def load_predictions(folder: str | Path) -> pd.DataFrame:
    """Read the predictions beside an evaluation."""
    return pd.read_parquet(Path(folder) / _PREDICTIONS)
