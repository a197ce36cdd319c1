"""The KFP face of `promote_student`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def promote_student(
    settings: dict,
    dataset: dsl.Input[dsl.Dataset],
    comparison: dsl.Input[dsl.Artifact],
    students: dsl.Input[list[dsl.Model]],
    metrics: dsl.Output[dsl.Metrics],
    decision: dsl.Output[dsl.Markdown],
):
    """Publish the student to ship, and register it in MLflow under the alias that was decided. Never cached."""
    from components.promote_student.step import promote_and_tell

    folders = [student.path for student in students]
    promote_and_tell(settings, dataset.path, comparison.path, folders, metrics, decision.path)
