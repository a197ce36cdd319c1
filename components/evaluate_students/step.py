"""`evaluate_students`: every student measured against its teacher, one after the other on one machine.

Latencies that are compared are then measured by the same process on the same cores, and a candidate costs one task of
the workflow instead of two (docs/decisions/0020-one-evaluation-task.md).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.frame import step
from spectral_distill.core.settings import LatencyOptions
from spectral_distill.data.dataset import load_intents
from spectral_distill.distillation.student import StudentDescription
from spectral_distill.evaluation.artifact import save_predictions
from spectral_distill.evaluation.evaluating import evaluate_student, load_reference
from spectral_distill.models.text_classifier import load_classifier, weights_bytes
from spectral_distill.storage.uris import whole_folder
from spectral_distill.tracking.pipeline_run import task_run


def evaluate_all(
    settings: dict[str, Any],
    dataset: str,
    teacher: str,
    teacher_evaluation: str,
    profile: str,
    students: Sequence[str],
    evaluations: str,
) -> None:
    """Write an evaluation for each student to the folder `evaluations`, in a folder of the candidate's name."""
    options, reference = LatencyOptions(**settings), None
    with whole_folder(evaluations) as folder:
        for student in students:
            made = StudentDescription.load(student)
            name = made.candidate.name
            with (
                step("evaluate_students", detail=name),
                task_run(name, role="candidate", candidate=name) as run,
            ):
                reference = reference or load_reference(teacher, teacher_evaluation, profile)
                small, data, size = load_classifier(student), load_intents(dataset), weights_bytes(Path(student))
                evaluation, predictions = evaluate_student(small, made, reference, data, options, size)
                (folder / name).mkdir()
                evaluation.save(folder / name)
                save_predictions(predictions, folder / name)
                run.metrics(evaluation.metrics())
                run.file(folder / name / "evaluation.json")
