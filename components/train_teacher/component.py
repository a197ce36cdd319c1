"""The KFP face of `train_teacher`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_teacher(
    settings: dict,
    dataset: dsl.Input[dsl.Dataset],
    teacher: dsl.Output[dsl.Model],
    teacher_evaluation: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    confusion_matrix: dsl.Output[dsl.ClassificationMetrics],
):
    """Fine-tune the named checkpoint or import a fine-tuned classifier, and evaluate it."""
    from components.train_teacher.step import train_and_evaluate

    train_and_evaluate(settings, dataset.path, teacher.path, teacher_evaluation.path, metrics, confusion_matrix)
