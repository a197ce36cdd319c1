"""The KFP face of `distill_student`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def distill_student(
    prepared: dsl.Input[dsl.Dataset],
    teacher: dsl.Input[dsl.Model],
    signals: dsl.Input[dsl.Artifact],
    selections: dsl.Input[dsl.Artifact],
    candidate: dict,
    student_epochs: int,
    student_learning_rate: float,
    student_batch_size: int,
    student_patience: int,
    student: dsl.Output[dsl.Model],
):
    """Build the candidate's student from the teacher's layers and teach it from the recorded signals."""
    from components.distill_student.distilling import distill_and_save
    from components.distill_student.options import StudentOptions
    from components.foundation.candidates import parse_candidate
    from components.foundation.step import step
    from components.foundation.tracking import task_run

    wanted = parse_candidate(candidate)
    with (
        step("distill_student", detail=wanted.name),
        task_run(wanted.name, role="candidate", candidate=wanted.name) as run,
    ):
        options = StudentOptions(
            student_epochs=student_epochs,
            student_learning_rate=student_learning_rate,
            student_batch_size=student_batch_size,
            student_patience=student_patience,
        )
        distill_and_save(
            data=prepared.path,
            teacher=teacher.path,
            signals=signals.path,
            selections=selections.path,
            candidate=wanted,
            options=options,
            target=student.path,
            run=run,
        )
