"""The KFP face of `evaluate_students`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate_students(
    settings: dict,
    dataset: dsl.Input[dsl.Dataset],
    teacher: dsl.Input[dsl.Model],
    teacher_evaluation: dsl.Input[dsl.Artifact],
    profile: dsl.Input[dsl.Artifact],
    students: dsl.Input[list[dsl.Model]],
    evaluations: dsl.Output[dsl.Artifact],
):
    """Measure every student's predictions, size, latency and spectra against the teacher's on the test split."""
    from components.evaluate_students.step import evaluate_all

    folders = [student.path for student in students]
    evaluate_all(settings, dataset.path, teacher.path, teacher_evaluation.path, profile.path, folders, evaluations.path)
