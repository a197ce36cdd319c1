"""The KFP face of `promote_student`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def promote_student(
    prepared: dsl.Input[dsl.Dataset],
    comparison: dsl.Input[dsl.Artifact],
    students: dsl.Input[list[dsl.Model]],
    publish_to: str,
    promoted: dsl.Output[dsl.Metrics],
):
    """Publish the student to ship, and register it in MLflow under the alias that was decided. Never cached."""
    from components.foundation.progress import emit
    from components.foundation.step import step
    from components.foundation.tracking import task_run
    from components.promote_student.options import PublishingOptions
    from components.promote_student.promoting import promote

    with step("promote_student"), task_run("promote_student", role="promotion") as run:
        folders = [student.path for student in students]
        options = PublishingOptions(publish_to=publish_to)
        decision = promote(comparison=comparison.path, students=folders, data=prepared.path, options=options, run=run)
        run.tags(decision)
        promoted.metadata.update(decision)
        emit("result", comparison=comparison.path, **decision)
