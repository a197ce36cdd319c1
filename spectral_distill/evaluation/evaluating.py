"""A student against its teacher: answers, size, speed, spectra."""

from pathlib import Path

import pandas as pd

from spectral_distill.core.settings import LatencyOptions
from spectral_distill.data.dataset import OUT_OF_SCOPE, load_intents, sample_texts
from spectral_distill.distillation.student import StudentDescription
from spectral_distill.evaluation.artifact import (
    Evaluation,
    Scores,
    Size,
    StudentScores,
    StudentSettings,
    TeacherEvaluation,
    load_predictions,
    save_predictions,
)
from spectral_distill.evaluation.fidelity import spectral_fidelity
from spectral_distill.evaluation.latency import compare_speed
from spectral_distill.evaluation.scores import answer, score
from spectral_distill.models.text_classifier import load_classifier, parameter_count, weights_bytes
from spectral_distill.spectra.profile import load_profile, profile_classifier
from spectral_distill.storage.uris import whole_folder


def evaluate(
    *,
    data: str,
    teacher: str,
    teacher_evaluation: str,
    profile: str,
    student: str,
    options: LatencyOptions,
    target: str | Path,
) -> Evaluation:
    """Measure and save; returns the evaluation (see `artifact` for the files)."""
    splits, small, large = load_intents(data), load_classifier(student), load_classifier(teacher)
    made, teacher_profile = StudentDescription.load(student), load_profile(profile)
    predictions = answer(small, splits, "evaluate")
    teacher_scores = TeacherEvaluation.load(teacher_evaluation).scores
    facts = teacher_profile.facts
    student_profile = profile_classifier(
        small,
        sample_texts(splits, facts.texts),
        bins=facts.bins,
        clip_sigmas=facts.clip_sigmas,
        what="spectra",
    )
    evaluation = Evaluation(
        name=made.candidate.name,
        configuration=made.candidate.configuration,
        candidate=made.candidate,
        settings=StudentSettings(**made.settings.model_dump(), **options.model_dump()),
        signals=made.signals,
        scores=_against_teacher(predictions, load_predictions(teacher_evaluation), teacher_scores),
        size=Size(
            parameters=parameter_count(small.model),
            bytes=weights_bytes(Path(student)),
            teacher_parameters=parameter_count(large.model),
            teacher_bytes=weights_bytes(Path(teacher)),
        ),
        teacher_layers=made.selection.teacher_layers,
        fidelity=spectral_fidelity(student_profile, teacher_profile, made.selection),
        speed=compare_speed(small, large, splits["test"]["text"], options),
    )
    with whole_folder(target) as folder:
        evaluation.save(folder)
        save_predictions(predictions, folder)
    return evaluation


def _against_teacher(predictions: pd.DataFrame, teacher: pd.DataFrame, teacher_scores: Scores) -> StudentScores:
    """The scores, agreement with the teacher on the test split, and the share of its accuracy that is kept."""
    assert list(predictions["id"]) == list(teacher["id"]), "teacher and student answered different texts"
    test = predictions["split"] != OUT_OF_SCOPE
    same = predictions["predicted"][test] == teacher["predicted"][test]
    scores = score(predictions)
    kept = scores.accuracy / teacher_scores.accuracy if teacher_scores.accuracy else 0.0
    return StudentScores(**scores.model_dump(), agreement=float(same.mean()), retention=kept)
