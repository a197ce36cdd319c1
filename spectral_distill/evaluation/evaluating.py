"""Evaluate a student against its teacher: predictions, size, speed, spectra."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from datasets import DatasetDict

from spectral_distill.core.settings import LatencyOptions
from spectral_distill.data.dataset import OUT_OF_SCOPE, sample_texts
from spectral_distill.distillation.student import StudentDescription
from spectral_distill.evaluation.artifact import (
    Evaluation,
    Scores,
    Size,
    StudentScores,
    StudentSettings,
    TeacherEvaluation,
    load_predictions,
)
from spectral_distill.evaluation.fidelity import spectral_fidelity
from spectral_distill.evaluation.latency import compare_speed
from spectral_distill.evaluation.scores import answer, score
from spectral_distill.models.text_classifier import TextClassifier, load_classifier, parameter_count, weights_bytes
from spectral_distill.spectra.profile import SpectralProfile, load_profile, profile_classifier


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The teacher that students are measured against.

    Attributes:
        classifier: The teacher.
        predictions: Its predictions on test and out-of-scope texts.
        scores: Its scores.
        profile: Its spectral profile; students are profiled with the same settings.
        bytes: Size of its weights, in bytes.
    """

    classifier: TextClassifier
    predictions: pd.DataFrame
    scores: Scores
    profile: SpectralProfile
    bytes: int


def evaluate_student(
    student: TextClassifier,
    made: StudentDescription,
    reference: Reference,
    data: DatasetDict,
    options: LatencyOptions,
    weights: int,
) -> tuple[Evaluation, pd.DataFrame]:
    """Measure a student against its teacher on the test split.

    Args:
        student: The student.
        made: Description of the student: its candidate, layer mapping and training settings.
        reference: The teacher.
        data: The dataset of both.
        options: How latency is measured.
        weights: Size of the student's weights, in bytes.

    Returns:
        The evaluation, and the student's predictions.
    """
    predictions = answer(student, data, "evaluate")
    facts, teacher = reference.profile.facts, reference.classifier
    profile = profile_classifier(
        student, sample_texts(data, facts.texts), bins=facts.bins, clip_sigmas=facts.clip_sigmas, what="spectra"
    )
    evaluation = Evaluation(
        name=made.candidate.name,
        configuration=made.candidate.configuration,
        candidate=made.candidate,
        settings=StudentSettings(**made.settings.model_dump(), **options.model_dump()),
        signals=made.signals,
        scores=_against_teacher(predictions, reference.predictions, reference.scores),
        size=Size(
            parameters=parameter_count(student.model),
            bytes=weights,
            teacher_parameters=parameter_count(teacher.model),
            teacher_bytes=reference.bytes,
        ),
        teacher_layers=made.selection.teacher_layers,
        fidelity=spectral_fidelity(profile, reference.profile, made.selection),
        speed=compare_speed(student, teacher, data["test"]["text"], options),
    )
    return evaluation, predictions


def load_reference(teacher: str, evaluation: str, profile: str) -> Reference:
    """Load the teacher, its evaluation and its profile.

    Args:
        teacher: Folder of the teacher's checkpoint.
        evaluation: Folder of the teacher's evaluation, with its predictions.
        profile: Folder of the teacher's spectral profile.

    Returns:
        The reference for its students.

    Raises:
        UserError: The checkpoint cannot be loaded, or an artifact is missing or has another schema version.
    """
    return Reference(
        classifier=load_classifier(teacher),
        predictions=load_predictions(evaluation),
        scores=TeacherEvaluation.load(evaluation).scores,
        profile=load_profile(profile),
        bytes=weights_bytes(Path(teacher)),
    )


def _against_teacher(predictions: pd.DataFrame, teacher: pd.DataFrame, teacher_scores: Scores) -> StudentScores:
    """Compute the scores, agreement with the teacher on the test split, and retention of its accuracy."""
    assert list(predictions["id"]) == list(teacher["id"]), "teacher and student answered different texts"
    test = predictions["split"] != OUT_OF_SCOPE
    same = predictions["predicted"][test] == teacher["predicted"][test]
    scores = score(predictions)
    kept = scores.accuracy / teacher_scores.accuracy if teacher_scores.accuracy else 0.0
    return StudentScores(**scores.model_dump(), agreement=float(same.mean()), retention=kept)
