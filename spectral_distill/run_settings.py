"""The settings of a run, of all groups together, by their present names and by those of 0.1."""

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
"""Names of 0.1 and what they are called now. They are accepted, with a line that says so, until 0.3."""


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
    """All settings of a run, flat; pydantic lists the fields of the last base first.

    Raises:
        UserError: Where a value is out of bounds, a name is unknown, or the candidates contradict each other.
    """

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        parse_candidates(self.candidates)

    def of(self, *groups: type[Options]) -> dict[str, Any]:
        """The settings of these groups as plain values, by name."""
        return self.model_dump(include={name for group in groups for name in group.model_fields})


def is_advanced(field: FieldInfo) -> bool:
    """Whether a setting is one of those that the form keeps together."""
    return bool(isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get(ADVANCED))


def flat(parameters: Mapping[str, Any], tell: Callable[[str], None]) -> dict[str, Any]:
    """Settings by their present names, from those of the pipeline's form, a file or the command line.

    Args:
        parameters: Values by setting; those in the mapping `advanced` count as given beside the others.
        tell: Called with one line for each deprecated name.

    Returns:
        Values by present name, unchecked; `Settings(**values)` checks them.

    Raises:
        UserError: Where `advanced` is no mapping, holds what has a parameter of its own, or a setting is given twice.
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
