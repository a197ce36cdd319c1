"""The steps of the pipeline as a plain script: one process, no KFP, no MLflow. What `whole_graph.py` measures against.

python benchmarks/plain_script.py SETTINGS FOLDER
"""

import inspect
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from components.select_layers.component import select_layers

from components.capture_signals.component import capture_signals
from components.compare_students.component import compare_students
from components.distill_student.component import distill_student
from components.evaluate_students.component import evaluate_students
from components.foundation.settings import Settings
from components.prepare_data.component import prepare_data
from components.profile_teacher.component import profile_teacher
from components.promote_student.component import promote_student
from components.resolve_data.component import resolve_data
from components.train_teacher.component import train_teacher
from pipeline.settings import read_settings


def main(settings: dict[str, Any], folder: Path) -> None:
    """Calls the functions behind the components in the order of `pipeline/graph.py`."""

    def call(component: Any, **given: Any) -> Any:
        wanted = inspect.signature(component.python_func).parameters
        return component.python_func(**{name: value for name, value in settings.items() if name in wanted} | given)

    def artifact(name: str) -> SimpleNamespace:
        return SimpleNamespace(path=str(folder / name), metadata={})

    prepared, model, profile, selections = map(artifact, ("prepared", "model", "profile", "selections"))
    signals, comparison, taught, metrics = map(artifact, ("signals", "comparison", "taught", "metrics.json"))
    versions = call(resolve_data)
    call(
        prepare_data,
        data_version=versions.data_version,
        out_of_scope_version=versions.out_of_scope_version,
        unlabelled_version=versions.unlabelled_version,
        prepared=prepared,
    )
    call(
        train_teacher,
        prepared=prepared,
        teacher_version=versions.teacher_version,
        model=model,
        evaluation=taught,
        metrics=metrics,
    )
    call(profile_teacher, prepared=prepared, model=model, profile=profile)
    call(select_layers, profile=profile, selections=selections)
    call(
        capture_signals,
        prepared=prepared,
        model=model,
        selections=selections,
        student_versions=versions.student_versions,
        signals=signals,
    )
    students, evaluations = [], []
    for index, candidate in enumerate(settings["candidates"]):
        student, evaluation = artifact(f"student-{index}"), artifact(f"evaluation-{index}")
        call(
            distill_student,
            prepared=prepared,
            teacher=model,
            signals=signals,
            selections=selections,
            candidate=candidate,
            student=student,
        )
        call(
            evaluate_students,
            prepared=prepared,
            teacher=model,
            teacher_evaluation=taught,
            profile=profile,
            student=student,
            evaluation=evaluation,
            metrics=metrics,
        )
        students.append(student)
        evaluations.append(evaluation)
    call(
        compare_students,
        prepared=prepared,
        teacher_evaluation=taught,
        profile=profile,
        evaluations=evaluations,
        comparison=comparison,
        report=artifact("report.html"),
    )
    call(promote_student, prepared=prepared, comparison=comparison, students=students, promoted=metrics)


if __name__ == "__main__":
    started = time.perf_counter()  # what was imported so far is KFP's, and the pipeline's to pay
    main(Settings(**read_settings(sys.argv[1])).model_dump(), Path(sys.argv[2]))
    print(time.perf_counter() - started)
