"""`train_teacher`: from a checkpoint to the teacher and its evaluation."""

from typing import Any

from components.foundation.intents import load_intents
from components.foundation.kfp_views import show_confusion_matrix, show_metrics
from components.foundation.scores import load_evaluation
from components.foundation.settings import TeacherOptions
from components.foundation.step import step
from components.foundation.tracking import task_run
from components.train_teacher.teaching import make_teacher, save_teacher


def train_and_evaluate(
    settings: dict[str, Any], dataset: str, teacher: str, evaluation: str, metrics: Any, confusion_matrix: Any
) -> None:
    """Write the teacher and its evaluation to these folders; `metrics` and `confusion_matrix` are KFP artifacts."""
    values = dict(settings)
    uri, version = values.pop("teacher"), values.pop("version")
    with step("train_teacher"), task_run("train_teacher", role="teacher") as run:
        options = TeacherOptions(**values)
        data = load_intents(dataset)
        told = {"teacher": uri, "teacher_version": version, **options.model_dump()}
        run.parameters(told)
        classifier = make_teacher(uri, version, data, options, run)
        scores = save_teacher(classifier, data, told, teacher, evaluation)
        run.metrics({f"test.{name}": value for name, value in scores.items()})
        show_metrics(metrics, scores)
        show_confusion_matrix(confusion_matrix, load_evaluation(evaluation)[1])
