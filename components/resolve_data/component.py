"""The KFP face of `resolve_data`."""

from typing import NamedTuple

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def resolve_data(
    run_name: str,
    advanced: dict,
    candidates: list,
    data: str,
    data_label_column: str,
    data_out_of_scope: str,
    data_text_column: str,
    data_unlabelled: str,
    force: bool,
    profile_examples: int,
    promotion_latency_budget_ms: float,
    promotion_margin: float,
    promotion_model: str,
    promotion_publish_to: str,
    student_epochs: int,
    student_learning_rate: float,
    teacher: str,
    teacher_epochs: int,
    teacher_fine_tune: bool,
    teacher_learning_rate: float,
    teacher_max_tokens: int,
    summary: dsl.Output[dsl.Markdown],
) -> NamedTuple(
    "Resolved",
    changed=str,
    data_settings=dict,
    teacher_settings=dict,
    profile_settings=dict,
    signals_settings=dict,
    student_settings=dict,
    latency_settings=dict,
    decision_settings=dict,
):
    """Check the settings, look up what data and teacher are now, and tell whether anything is new. Never cached."""
    parameters = dict(locals())
    from components.resolve_data.step import resolve

    return resolve(parameters)
