"""The settings as parameters of the pipeline: the form in the KFP UI, settings files, documentation."""

import inspect
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, get_origin

import yaml
from pydantic.fields import FieldInfo

from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import ADVANCED
from spectral_distill.run_settings import Settings, is_advanced

FORM = {name: field for name, field in Settings.model_fields.items() if not is_advanced(field)}
"""Settings that are parameters of their own."""

IN_ADVANCED = {name: field for name, field in Settings.model_fields.items() if is_advanced(field)}
"""Settings that share the parameter `advanced`."""

_ADVANCED_DESCRIPTION = 'Further settings, a JSON object, such as {"teacher_seed": 1}: ' + ", ".join(IN_ADVANCED) + "."


def parameters_of(settings: Settings, given: Iterable[str] | None = None) -> dict[str, Any]:
    """Convert settings to arguments of the pipeline.

    Args:
        settings: The settings of a run.
        given: Names of the settings to pass on; the pipeline's defaults apply to the others. All if None.

    Returns:
        Values by parameter. Advanced settings with their default value are left out.
    """
    values = settings.model_dump(include=None if given is None else set(given))
    further = {
        name: value for name, value in values.items() if name in IN_ADVANCED and value != IN_ADVANCED[name].default
    }
    outer = {name: value for name, value in values.items() if name in FORM}
    return outer | ({ADVANCED: further} if further else {})


def read_settings(path: str) -> dict[str, Any]:
    """Read settings from a YAML (or JSON) file: a flat mapping of names to values.

    Args:
        path: The file.

    Returns:
        Values by name, not validated.

    Raises:
        UserError: The file cannot be read or holds no mapping.
    """
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


def with_parameters(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """Make `function(parameters)` a pipeline function with one documented parameter for each setting of the form.

    KFP reads the pipeline's inputs, their types, defaults and descriptions from signature and docstring. While it
    compiles, `parameters.name` is the pipeline's input of that name.

    Args:
        function: Builds the graph from a namespace of inputs.

    Returns:
        A function with the signature and docstring that KFP expects.
    """
    about = {name: (_kfp_type(field), field.get_default(), field.description) for name, field in FORM.items()}
    about[ADVANCED] = (dict, {}, _ADVANCED_DESCRIPTION)

    def with_inputs(*inputs: Any) -> Any:
        return function(SimpleNamespace(**dict(zip(about, inputs, strict=True))))

    parameters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=kind)
        for name, (kind, default, _) in about.items()
    ]
    lines = [f"    {name}: {description}" for name, (_, _, description) in about.items()]
    with_inputs.__doc__ = "\n".join([inspect.getdoc(function) or "", "", "Args:", *lines])
    with_inputs.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        parameters, return_annotation=inspect.signature(function).return_annotation
    )
    return with_inputs


def plain_type(field: FieldInfo) -> type:
    """Return a field's type without its arguments: `list[...]` becomes `list`.

    Args:
        field: The pydantic field of a setting.

    Returns:
        The plain type.
    """
    return get_origin(field.annotation) or field.annotation  # type: ignore[return-value]


def describe(fields: Iterable[tuple[str, FieldInfo]]) -> str:
    """Write a Markdown table of settings: name, default, meaning.

    Args:
        fields: Names and pydantic fields.

    Returns:
        The table.
    """
    rows = [f"| `{name}` | `{field.get_default()!r}` | {field.description} |" for name, field in fields]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


def describe_form() -> str:
    """Write the settings as a Markdown list, for the pipeline's page in the KFP UI, which renders no tables."""
    lines = [f"- **{name}**: {field.description}" for name, field in sorted(FORM.items())]
    further = [
        f"    - **{name}** (`{field.get_default()!r}`): {field.description}" for name, field in IN_ADVANCED.items()
    ]
    return "\n".join([*lines, f"- **{ADVANCED}**: further settings, a JSON object:", *further])


def _kfp_type(field: FieldInfo) -> Any:
    """Return a field's type for KFP. Items of a bare `list` would be strings, which the backend refuses."""
    return field.annotation if plain_type(field) is list else plain_type(field)
