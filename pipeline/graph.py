"""The pipeline: how the steps are chained.

resolve_data -> (ends here if nothing has changed)
                prepare_data -> train_teacher -> profile_teacher -> capture_signals
                                                                          |
                                                         for each candidate: distill_student
                                                                          |
               promote_student (never cached) <- compare_students <- evaluate_students
exit handler: close_run

`resolve_data` runs before the exit handler, so that later steps get its settings as inputs of a group: inside a loop,
kfp.local confuses an output of a task with the loop's item.
"""

import functools
from pathlib import Path
from typing import Any

from kfp import compiler, dsl

from components.capture_signals.component import capture_signals
from components.close_run.component import close_run
from components.compare_students.component import compare_students
from components.distill_student.component import distill_student
from components.evaluate_students.component import evaluate_students
from components.prepare_data.component import prepare_data
from components.profile_teacher.component import profile_teacher
from components.promote_student.component import promote_student
from components.resolve_data.component import resolve_data
from components.train_teacher.component import train_teacher
from pipeline.deployment import Deployment
from pipeline.placement import place
from pipeline.settings import FORM, describe_form, with_parameters
from spectral_distill.core.settings import ADVANCED

_DESCRIPTION = f"""Distils a large text classifier into small students, guided by the spectrum of its hidden states, and
shows with statistics which student is worth shipping.

{describe_form()}
"""


def _distil(deployment: Deployment, parameters: Any) -> None:
    """Distil a text classifier."""
    cached = functools.partial(place, deployment, cached=True)
    uncached = functools.partial(place, deployment, cached=False)
    resolved = uncached(
        resolve_data(
            run_name=dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
            **{name: getattr(parameters, name) for name in (*FORM, ADVANCED)},
        )
    ).outputs
    with (
        dsl.ExitHandler(uncached(close_run()), name="distillation"),
        dsl.If(resolved["changed"] == "yes", name="something-is-new"),
    ):
        dataset = cached(prepare_data(settings=resolved["data_settings"])).outputs["dataset"]
        trained = cached(train_teacher(settings=resolved["teacher_settings"], dataset=dataset)).outputs
        profile = cached(
            profile_teacher(settings=resolved["profile_settings"], dataset=dataset, teacher=trained["teacher"])
        ).outputs["profile"]
        signals = cached(
            capture_signals(
                settings=resolved["signals_settings"], dataset=dataset, teacher=trained["teacher"], profile=profile
            )
        ).outputs["signals"]
        with dsl.ParallelFor(
            parameters.candidates, name="candidates", parallelism=deployment.candidates_at_once
        ) as candidate:
            student = cached(
                distill_student(
                    settings=resolved["student_settings"],
                    candidate=candidate,
                    dataset=dataset,
                    teacher=trained["teacher"],
                    signals=signals,
                )
            ).outputs["student"]
        evaluations = cached(
            evaluate_students(
                settings=resolved["latency_settings"],
                dataset=dataset,
                teacher=trained["teacher"],
                teacher_evaluation=trained["teacher_evaluation"],
                profile=profile,
                students=dsl.Collected(student),
            )
        ).outputs["evaluations"]
        compared = cached(
            compare_students(
                settings=resolved["decision_settings"],
                dataset=dataset,
                teacher_evaluation=trained["teacher_evaluation"],
                profile=profile,
                evaluations=evaluations,
            )
        ).outputs
        uncached(
            promote_student(
                settings=resolved["decision_settings"],
                dataset=dataset,
                comparison=compared["comparison"],
                students=dsl.Collected(student),
            )
        )


def pipeline_for(deployment: Deployment) -> Any:
    """Build the pipeline for a deployment.

    Args:
        deployment: The options of its tasks.

    Returns:
        The pipeline, ready for KFP's compiler.
    """
    graph = functools.update_wrapper(functools.partial(_distil, deployment), _distil)
    named = dsl.pipeline(name="spectral-distill", display_name="Spectral Distill", description=_DESCRIPTION)
    return named(with_parameters(graph))


spectral_distill = pipeline_for(Deployment())


def compile_pipeline(target: str | Path, deployment: Deployment) -> None:
    """Compile the pipeline to the IR (YAML) that a KFP backend runs.

    Args:
        target: The file to write.
        deployment: The options of its tasks.

    Raises:
        ValueError: The file's name does not end in `.yaml`.
    """
    compiler.Compiler().compile(pipeline_for(deployment), str(target))
