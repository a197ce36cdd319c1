"""The `evaluation` artifact: `evaluation.json`, and the predictions beside it in `predictions.parquet`.

Predictions have one row for each test text and each out-of-scope text, with the columns `id`, `split`, `text`, `label`,
`predicted` and `confidence`. Labels are names; they are null for out-of-scope texts. Reading an evaluation needs no
model library.
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
    """Quality of a classifier's predictions, each from 0 to 1.

    Attributes:
        accuracy: On the test split.
        macro_f1: Mean over labels of the F1 score, on the test split.
        ece: Expected calibration error on the test split.
        out_of_scope_auroc: AUROC of confidence, in-scope against out-of-scope texts; None without such texts.
    """

    accuracy: float
    macro_f1: float
    ece: float
    out_of_scope_auroc: float | None = None


class StudentScores(Scores):
    """A student's scores, and its scores against the teacher.

    Attributes:
        agreement: Share of test texts for which student and teacher predict the same label.
        retention: The student's accuracy divided by the teacher's.
    """

    agreement: float
    retention: float


class Size(Record):
    """Size of student and teacher.

    Attributes:
        parameters: The student's number of parameters.
        bytes: Size of the student's weights, in bytes.
        teacher_parameters: The teacher's number of parameters.
        teacher_bytes: Size of the teacher's weights, in bytes.
    """

    parameters: int
    bytes: int
    teacher_parameters: int
    teacher_bytes: int


class Latency(Record):
    """Model time of student and teacher for the same batches.

    Attributes:
        speedup: Median over batches of teacher time / student time.
        student_p50_ms: The student's median time for a batch, in milliseconds.
        student_p95_ms: The student's 95th percentile, in milliseconds.
        student_texts_per_s: The student's throughput at the median, in texts per second.
        teacher_p50_ms: The teacher's median time for a batch, in milliseconds.
        teacher_p95_ms: The teacher's 95th percentile, in milliseconds.
        teacher_texts_per_s: The teacher's throughput at the median, in texts per second.
    """

    speedup: float
    student_p50_ms: float
    student_p95_ms: float
    student_texts_per_s: float
    teacher_p50_ms: float
    teacher_p95_ms: float
    teacher_texts_per_s: float


class Speed(Record):
    """Latency of student and teacher.

    Attributes:
        batch_1: For single texts.
        batch_32: For batches of 32 texts.
    """

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
    """Settings of the teacher.

    Attributes:
        teacher: URI of the checkpoint that the teacher was made from.
        teacher_version: Version of the checkpoint that was read.
    """

    teacher: str
    teacher_version: str


class StudentSettings(LatencyOptions, StudentOptions):
    """Settings of the student's training and of the latency measurement."""


class TeacherEvaluation(Artifact):
    """A teacher's scores and settings.

    Attributes:
        scores: Quality of its predictions.
        settings: Its checkpoint and training settings.
    """

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
        candidate: The candidate, as requested.
        settings: Settings of the training and the measurements.
        signals: Facts of the teacher signals that the student learned from.
        scores: Quality of its predictions.
        size: Parameters and bytes of student and teacher.
        teacher_layers: The main teacher layer of each student layer, counted from 0.
        fidelity: Distance between its spectra and the teacher's, at the embeddings and each layer.
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
        """Collect the main metrics under their names in MLflow.

        Returns:
            Values by name: `test.*`, `size.*` and `speed.*`.
        """
        speed = {f"speed.{size}.{key}": value for size, found in self.speed for key, value in found}
        return {
            **{f"test.{key}": value for key, value in self.scores.model_dump().items()},
            **{f"size.{key}": value for key, value in self.size},
            **speed,
        }


def save_predictions(predictions: pd.DataFrame, folder: str | Path) -> None:
    """Write the predictions beside an evaluation.

    Args:
        predictions: One row for each text, in the columns of this module's docstring.
        folder: Folder of the evaluation.
    """
    predictions.to_parquet(Path(folder) / _PREDICTIONS, index=False)


def load_predictions(folder: str | Path) -> pd.DataFrame:
    """Read the predictions beside an evaluation.

    Args:
        folder: Folder of the evaluation.

    Returns:
        One row for each text, in the columns of this module's docstring.
    """
    return pd.read_parquet(Path(folder) / _PREDICTIONS)
