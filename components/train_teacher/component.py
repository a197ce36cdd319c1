"""The KFP face of `train_teacher`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train_teacher(
    prepared: dsl.Input[dsl.Dataset],
    teacher: str,
    teacher_version: str,
    fine_tune_teacher: bool,
    max_tokens: int,
    teacher_epochs: int,
    teacher_learning_rate: float,
    teacher_batch_size: int,
    teacher_seed: int,
    model: dsl.Output[dsl.Model],
    evaluation: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
):
    """Fine-tune the named checkpoint or import a fine-tuned one, and report the teacher's own scores."""
    from components.foundation.intents import load_intents
    from components.foundation.step import step
    from components.foundation.storage import write_json
    from components.foundation.tracking import task_run
    from components.train_teacher.options import TeacherOptions
    from components.train_teacher.teaching import make_teacher, save_teacher

    with step("train_teacher"), task_run("train_teacher", role="teacher") as run:
        options = TeacherOptions(
            fine_tune_teacher=fine_tune_teacher,
            max_tokens=max_tokens,
            teacher_epochs=teacher_epochs,
            teacher_learning_rate=teacher_learning_rate,
            teacher_batch_size=teacher_batch_size,
            teacher_seed=teacher_seed,
        )
        data = load_intents(prepared.path)
        settings = {"teacher": teacher, "teacher_version": teacher_version, **options.model_dump()}
        run.parameters(settings)
        classifier = make_teacher(teacher, teacher_version, data, options, run)
        scores = save_teacher(classifier, data, settings, model.path, evaluation.path)
        run.metrics({f"test.{name}": value for name, value in scores.items()})
        metrics.metadata.update(scores)
        write_json(metrics.path, scores)
