"""A student against its teacher: answers, size, speed, spectra."""

from pathlib import Path
from typing import Any

import pandas as pd

from components.evaluate_students.fidelity import spectral_fidelity
from components.evaluate_students.speed import compare_speed
from components.foundation.intents import OUT_OF_SCOPE, load_intents, sample_texts
from components.foundation.scores import answer, load_evaluation, save_evaluation, score
from components.foundation.settings import LatencyOptions
from components.foundation.spectral_profile import load_profile, profile_classifier
from components.foundation.storage import whole_folder
from components.foundation.student import Description
from components.foundation.text_model import load_classifier, parameter_count, weights_bytes


def evaluate(
    *,
    data: str,
    teacher: str,
    teacher_evaluation: str,
    profile: str,
    student: str,
    options: LatencyOptions,
    target: str | Path,
) -> dict[str, Any]:
    """Measure and save; returns the evaluation (see `scores` for the files)."""
    splits, small, large = load_intents(data), load_classifier(student), load_classifier(teacher)
    made, teacher_profile = Description(student), load_profile(profile)
    predictions = answer(small, splits, "evaluate")
    teacher_results, teacher_predictions = load_evaluation(teacher_evaluation)
    facts = teacher_profile.facts
    student_profile = profile_classifier(
        small,
        sample_texts(splits, facts["texts"]),
        bins=facts["bins"],
        clip_sigmas=facts["clip_sigmas"],
        what="spectra",
    )
    scores = score(predictions)
    evaluation = {
        "name": made.candidate.name,
        "configuration": made.candidate.configuration,
        "candidate": made.candidate.model_dump(),
        "settings": {**made.settings, **options.model_dump()},
        "signals": made.signals,
        "scores": {**scores, **_against(predictions, scores, teacher_predictions, teacher_results["scores"])},
        "size": {
            "parameters": parameter_count(small.model),
            "bytes": weights_bytes(Path(student)),
            "teacher_parameters": parameter_count(large.model),
            "teacher_bytes": weights_bytes(Path(teacher)),
        },
        "teacher_layers": made.selection.teacher_layers,
        "fidelity": spectral_fidelity(student_profile, teacher_profile, made.selection),
        "speed": compare_speed(small, large, splits["test"]["text"], options),
    }
    with whole_folder(target) as folder:
        save_evaluation(evaluation, predictions, folder)
    return evaluation


def _against(
    predictions: pd.DataFrame, scores: dict[str, float], teacher: pd.DataFrame, teacher_scores: dict[str, float]
) -> dict[str, float]:
    """Agreement with the teacher on the test split, and the share of its accuracy that is kept."""
    assert list(predictions["id"]) == list(teacher["id"]), "teacher and student answered different texts"
    test = predictions["split"] != OUT_OF_SCOPE
    same = predictions["predicted"][test] == teacher["predicted"][test]
    kept = scores["accuracy"] / teacher_scores["accuracy"] if teacher_scores["accuracy"] else 0.0
    return {"agreement": float(same.mean()), "retention": kept}
