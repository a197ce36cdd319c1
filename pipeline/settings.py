"""Every parameter of the pipeline: the sum of what its steps declare. Signature, CLI and docs follow from here."""

import inspect
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, get_origin

import yaml
from pydantic.fields import FieldInfo

from components.capture_signals.options import SignalOptions
from components.compare_students.options import ComparisonOptions, PromotionOptions
from components.distill_student.options import StudentOptions
from components.evaluate_student.options import SpeedOptions
from components.foundation.candidates import parse_candidates
from components.foundation.errors import UserError
from components.prepare_data.options import PreparationOptions
from components.profile_teacher.options import ProfileOptions
from components.promote_student.options import PublishingOptions
from components.resolve_data.options import SourceOptions
from components.train_teacher.options import TeacherOptions


class Settings(
    PublishingOptions,
    PromotionOptions,
    ComparisonOptions,
    SpeedOptions,
    StudentOptions,
    SignalOptions,
    ProfileOptions,
    TeacherOptions,
    PreparationOptions,
    SourceOptions,
):
    """All settings of a run, flat; pydantic lists the fields of the last base first."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        parse_candidates(self.candidates)


def read_settings(path: str) -> dict[str, Any]:
    """Settings from a YAML (or JSON) file: a flat mapping of names to values."""
    try:
        with open(path, encoding="utf-8") as stream:
            values = yaml.safe_load(stream)
    except FileNotFoundError:
        raise UserError(f"settings file {path}: no such file; check the path") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"settings file {path}: cannot be read ({reason}); expected YAML") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(f"settings file {path}: found {type(values).__name__}, expected names and values")
    return {str(name): value for name, value in values.items()}


def with_settings(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Make `function(settings)` a pipeline function with one documented parameter for each setting.

    KFP reads the pipeline's inputs, their types, defaults and descriptions from signature and docstring; while it
    compiles, `settings.name` is the pipeline's input of that name.
    """

    def with_inputs(*inputs: Any) -> Any:
        return function(SimpleNamespace(**dict(zip(Settings.model_fields, inputs, strict=True))))

    parameters = [
        inspect.Parameter(
            name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=field.get_default(), annotation=plain_type(field)
        )
        for name, field in Settings.model_fields.items()
    ]
    lines = [f"    {name}: {field.description}" for name, field in Settings.model_fields.items()]
    with_inputs.__doc__ = "\n".join([inspect.getdoc(function) or "", "", "Args:", *lines])
    with_inputs.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        parameters, return_annotation=inspect.signature(function).return_annotation
    )
    return with_inputs


def plain_type(field: FieldInfo) -> type:
    """The field's type as KFP knows types: `list[...]` is `list`."""
    return get_origin(field.annotation) or field.annotation  # type: ignore[return-value]


def describe(fields: Iterable[tuple[str, FieldInfo]]) -> str:
    """A Markdown table of settings: name, default, meaning."""
    rows = [f"| `{name}` | `{field.get_default()!r}` | {field.description} |" for name, field in fields]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])
