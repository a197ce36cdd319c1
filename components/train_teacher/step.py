"""`train_teacher`: from a checkpoint to the teacher and its evaluation."""

from typing import Any

from components.frame import step
from components.kfp_views import show_confusion_matrix, show_metrics
from spectral_distill.core.settings import TeacherOptions
from spectral_distill.data.dataset import load_intents
from spectral_distill.evaluation.artifact import TeacherEvaluation, TeacherSettings, save_predictions
from spectral_distill.evaluation.scores import answer, score
from spectral_distill.storage.uris import whole_folder
from spectral_distill.tracking.pipeline_run import task_run
from spectral_distill.training.fine_tuning import make_teacher, with_precision


def train_and_evaluate(
    settings: dict[str, Any], dataset: str, teacher: str, evaluation: str, metrics: Any, confusion_matrix: Any
) -> None:
    """Write the teacher and its evaluation to these folders; `metrics` and `confusion_matrix` are KFP artifacts."""
    values = dict(settings)
    uri, version = values.pop("teacher"), values.pop("version")
    with step("train_teacher"), task_run("train_teacher", role="teacher") as run:
        options = with_precision(TeacherOptions(**values))
        data = load_intents(dataset)
        made_by = TeacherSettings(teacher=uri, teacher_version=version, **options.model_dump())
        run.parameters(made_by.model_dump())
        classifier = make_teacher(uri, version, data, options, run)
        predictions = answer(classifier, data, "evaluate")
        scores = score(predictions)
        with whole_folder(evaluation) as folder:
            TeacherEvaluation(scores=scores, settings=made_by).save(folder)
            save_predictions(predictions, folder)
        with whole_folder(teacher) as folder:
            classifier.save(folder)
        numbers = scores.model_dump()
        run.metrics({f"test.{name}": value for name, value in numbers.items()})
        show_metrics(metrics, numbers)
        show_confusion_matrix(confusion_matrix, predictions)
