"""`evaluate_students`: every student measured against its teacher, one after the other on one machine.

Latencies that are compared are then measured by the same process on the same cores, and a candidate costs one task of
the workflow instead of two (docs/decisions/0020-one-evaluation-task.md).
"""

from collections.abc import Sequence
from typing import Any

from components.frame import step
from spectral_distill.core.settings import LatencyOptions
from spectral_distill.distillation.student import StudentDescription
from spectral_distill.evaluation.evaluating import evaluate
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
    options = LatencyOptions(**settings)
    with whole_folder(evaluations) as folder:
        for student in students:
            name = StudentDescription.load(student).candidate.name
            with (
                step("evaluate_students", detail=name),
                task_run(name, role="candidate", candidate=name) as run,
            ):
                results = evaluate(
                    data=dataset,
                    teacher=teacher,
                    teacher_evaluation=teacher_evaluation,
                    profile=profile,
                    student=student,
                    options=options,
                    target=folder / name,
                )
                run.metrics(results.metrics())
                run.file(folder / name / "evaluation.json")
