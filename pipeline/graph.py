"""The pipeline: how the steps are chained.

resolve_data -> prepare_data -> train_teacher -> profile_teacher -> select_layers -> capture_signals
(never cached)                                                                              |
                                      for each candidate: distill_student -> evaluate_student
                                                                                  |
                                  promote_student (never cached) <- compare_students
exit handler: close_run
"""

import functools
from pathlib import Path
from typing import Any

from kfp import compiler, dsl

from components.capture_signals.component import capture_signals
from components.close_run.component import close_run
from components.compare_students.component import compare_students
from components.distill_student.component import distill_student
from components.evaluate_student.component import evaluate_student
from components.prepare_data.component import prepare_data
from components.profile_teacher.component import profile_teacher
from components.promote_student.component import promote_student
from components.resolve_data.component import resolve_data
from components.select_layers.component import select_layers
from components.train_teacher.component import train_teacher
from pipeline.deployment import Deployment
from pipeline.placement import place
from pipeline.settings import Settings, describe, with_settings

_DESCRIPTION = f"""Distils a large text classifier into small students, guided by the spectrum of its hidden states, and
shows with statistics which student is worth shipping.

{describe(Settings.model_fields.items())}
"""


def _distil(deployment: Deployment, s: Any) -> None:
    """Distil a text classifier."""
    cached = functools.partial(place, deployment, cached=True)
    uncached = functools.partial(place, deployment, cached=False)
    with dsl.ExitHandler(uncached(close_run()), name="distillation"):
        resolved = uncached(
            resolve_data(
                data=s.data,
                out_of_scope_data=s.out_of_scope_data,
                unlabelled_data=s.unlabelled_data,
                teacher=s.teacher,
                candidates=s.candidates,
                publish_to=s.publish_to,
            )
        )
        prepared = cached(
            prepare_data(
                data=s.data,
                data_version=resolved.outputs["data_version"],
                out_of_scope_data=s.out_of_scope_data,
                out_of_scope_version=resolved.outputs["out_of_scope_version"],
                unlabelled_data=s.unlabelled_data,
                unlabelled_version=resolved.outputs["unlabelled_version"],
                text_column=s.text_column,
                label_column=s.label_column,
                validation_share=s.validation_share,
                test_share=s.test_share,
                split_seed=s.split_seed,
                texts_per_label=s.texts_per_label,
                altered_copies=s.altered_copies,
            )
        ).outputs["prepared"]
        taught = cached(
            train_teacher(
                prepared=prepared,
                teacher=s.teacher,
                teacher_version=resolved.outputs["teacher_version"],
                fine_tune_teacher=s.fine_tune_teacher,
                max_tokens=s.max_tokens,
                teacher_epochs=s.teacher_epochs,
                teacher_learning_rate=s.teacher_learning_rate,
                teacher_batch_size=s.teacher_batch_size,
                teacher_seed=s.teacher_seed,
            )
        )
        teacher, teacher_evaluation = taught.outputs["model"], taught.outputs["evaluation"]
        profile = cached(
            profile_teacher(
                prepared=prepared,
                model=teacher,
                profile_texts=s.profile_texts,
                profile_bins=s.profile_bins,
                profile_clip_sigmas=s.profile_clip_sigmas,
            )
        ).outputs["profile"]
        selections = cached(select_layers(profile=profile, candidates=s.candidates)).outputs["selections"]
        signals = cached(
            capture_signals(
                prepared=prepared,
                model=teacher,
                selections=selections,
                candidates=s.candidates,
                student_versions=resolved.outputs["student_versions"],
                signals_budget_gib=s.signals_budget_gib,
            )
        ).outputs["signals"]
        with dsl.ParallelFor(s.candidates, name="candidates", parallelism=deployment.candidates_at_once) as candidate:
            distilled = cached(
                distill_student(
                    prepared=prepared,
                    teacher=teacher,
                    signals=signals,
                    selections=selections,
                    candidate=candidate,
                    student_epochs=s.student_epochs,
                    student_learning_rate=s.student_learning_rate,
                    student_batch_size=s.student_batch_size,
                    student_patience=s.student_patience,
                )
            )
            evaluated = cached(
                evaluate_student(
                    prepared=prepared,
                    teacher=teacher,
                    teacher_evaluation=teacher_evaluation,
                    profile=profile,
                    student=distilled.outputs["student"],
                    speed_batches=s.speed_batches,
                )
            )
        compared = cached(
            compare_students(
                prepared=prepared,
                teacher_evaluation=teacher_evaluation,
                profile=profile,
                evaluations=dsl.Collected(evaluated.outputs["evaluation"]),
                confidence=s.confidence,
                registered_model=s.registered_model,
                promotion_margin=s.promotion_margin,
                latency_budget_ms=s.latency_budget_ms,
            )
        )
        uncached(
            promote_student(
                prepared=prepared,
                comparison=compared.outputs["comparison"],
                students=dsl.Collected(distilled.outputs["student"]),
                publish_to=s.publish_to,
            )
        )


def pipeline_for(deployment: Deployment) -> Any:
    """The pipeline, its tasks placed as the deployment says."""
    graph = functools.update_wrapper(functools.partial(_distil, deployment), _distil)
    named = dsl.pipeline(name="spectral-distill", display_name="Spectral Distill", description=_DESCRIPTION)
    return named(with_settings(graph))


spectral_distill = pipeline_for(Deployment())


def compile_pipeline(target: str | Path, deployment: Deployment) -> None:
    """Write the pipeline's IR (YAML) that a KFP backend runs."""
    compiler.Compiler().compile(pipeline_for(deployment), str(target))
