"""The KFP face of `evaluate_student`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate_student(
    prepared: dsl.Input[dsl.Dataset],
    teacher: dsl.Input[dsl.Model],
    teacher_evaluation: dsl.Input[dsl.Artifact],
    profile: dsl.Input[dsl.Artifact],
    student: dsl.Input[dsl.Model],
    speed_batches: int,
    evaluation: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
):
    """Measure a student's answers, size, speed and spectra against its teacher's on the untouched test split."""
    from components.evaluate_student.evaluating import evaluate, flat_metrics
    from components.evaluate_student.options import SpeedOptions
    from components.foundation.step import step
    from components.foundation.storage import write_json
    from components.foundation.student import Description
    from components.foundation.tracking import task_run

    name = Description(student.path).candidate.name
    with step("evaluate_student", detail=name), task_run(name, role="candidate", candidate=name) as run:
        results = evaluate(
            data=prepared.path,
            teacher=teacher.path,
            teacher_evaluation=teacher_evaluation.path,
            profile=profile.path,
            student=student.path,
            options=SpeedOptions(speed_batches=speed_batches),
            target=evaluation.path,
        )
        run.metrics(flat_metrics(results))
        run.file(f"{evaluation.path}/evaluation.json")
        metrics.metadata.update(results["scores"])
        write_json(metrics.path, results["scores"])
