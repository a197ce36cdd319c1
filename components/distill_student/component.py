"""The KFP face of `distill_student`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def distill_student(
    settings: dict,
    candidate: dict,
    dataset: dsl.Input[dsl.Dataset],
    teacher: dsl.Input[dsl.Model],
    signals: dsl.Input[dsl.Artifact],
    student: dsl.Output[dsl.Model],
):
    """Build the candidate's student from its layer mapping and train it on the teacher's signals."""
    from components.distill_student.step import distill_and_save

    distill_and_save(settings, candidate, dataset.path, teacher.path, signals.path, student.path)
