"""All settings of a run, by their current names and by the deprecated names of 0.1."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic.fields import FieldInfo

from spectral_distill.core.errors import UserError
from spectral_distill.core.options import Options, suggest
from spectral_distill.core.settings import (
    ADVANCED,
    CandidateOptions,
    ComparisonOptions,
    LatencyOptions,
    PreparationOptions,
    ProfileOptions,
    PromotionOptions,
    PublishingOptions,
    RunOptions,
    SignalOptions,
    SourceOptions,
    StudentOptions,
    TeacherOptions,
    TeacherSourceOptions,
)
from spectral_distill.distillation.candidates import parse_candidates

RENAMED = {
    "text_column": "data_text_column",
    "label_column": "data_label_column",
    "out_of_scope_data": "data_out_of_scope",
    "unlabelled_data": "data_unlabelled",
    "validation_share": "data_validation_share",
    "test_share": "data_test_share",
    "split_seed": "data_split_seed",
    "texts_per_label": "data_examples_per_label",
    "altered_copies": "data_augmented_copies",
    "fine_tune_teacher": "teacher_fine_tune",
    "max_tokens": "teacher_max_tokens",
    "profile_texts": "profile_examples",
    "speed_batches": "latency_batches",
    "confidence": "comparison_confidence",
    "registered_model": "promotion_model",
    "latency_budget_ms": "promotion_latency_budget_ms",
    "publish_to": "promotion_publish_to",
}
"""Deprecated names of 0.1 and the current names. They are accepted with a deprecation line until 0.3."""


class Settings(
    RunOptions,
    PublishingOptions,
    PromotionOptions,
    ComparisonOptions,
    LatencyOptions,
    StudentOptions,
    SignalOptions,
    CandidateOptions,
    ProfileOptions,
    TeacherOptions,
    TeacherSourceOptions,
    PreparationOptions,
    SourceOptions,
):
    """All settings of a run in one flat model; pydantic lists the fields of the last base first.

    Args:
        **values: Values by setting.

    Raises:
        UserError: A value is out of bounds, a name is unknown, or the candidates contradict each other.
    """

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        parse_candidates(self.candidates)

    def of(self, *groups: type[Options]) -> dict[str, Any]:
        """Select the settings of some groups.

        Args:
            *groups: The settings groups.

        Returns:
            Plain values by setting.
        """
        return self.model_dump(include={name for group in groups for name in group.model_fields})


def is_advanced(field: FieldInfo) -> bool:
    """Check whether a setting belongs to the form's parameter `advanced`.

    Args:
        field: The pydantic field of the setting.

    Returns:
        Whether it is an advanced setting.
    """
    return bool(isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get(ADVANCED))


def flat(parameters: Mapping[str, Any], tell: Callable[[str], None]) -> dict[str, Any]:
    """Map the settings of the pipeline's form, a file or the command line to their current names.

    Args:
        parameters: Values by setting; those in the mapping `advanced` are merged with the others.
        tell: Called with one line for each deprecated name.

    Returns:
        Values by current name, not validated; `Settings(**values)` validates them.

    Raises:
        UserError: `advanced` is no mapping or holds a setting with a parameter of its own, or a setting is given twice.
    """
    outer = {name: value for name, value in parameters.items() if name != ADVANCED}
    found: dict[str, Any] = {}
    for name, value in [*outer.items(), *_inner(parameters.get(ADVANCED) or {}).items()]:
        current = RENAMED.get(name, name)
        if current != name:
            tell(f"setting {name} is deprecated; use {current}")
        if current in found:
            raise UserError(f"{current}: found twice; keep one of them")
        found[current] = value
    return found


def _inner(advanced: Any) -> dict[str, Any]:
    if not isinstance(advanced, Mapping):
        raise UserError(f"{ADVANCED}: found {advanced!r}, expected a JSON object of settings and values")
    fields = Settings.model_fields
    known = [name for name, field in fields.items() if is_advanced(field)]
    for name in advanced:
        current = RENAMED.get(name, name)
        if current in fields and current not in known:
            raise UserError(f"{ADVANCED}: found {name!r}, which is a parameter of its own; set it there")
        if current not in fields:
            raise UserError(f"{ADVANCED}: unknown setting {name!r}; {suggest(name, known)}")
    return dict(advanced)
