"""One command line option for each setting."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import click

from pipeline.settings import plain_type, read_settings
from spectral_distill.core.errors import UserError
from spectral_distill.run_settings import RENAMED, Settings, flat


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--settings FILE` (as `settings_file`) and one option for each setting; options that are not given are None.

    Args:
        command: The function of a click command.

    Returns:
        The function with the options.
    """
    for old in RENAMED:
        command = click.option(_flag(old), old, default=None, hidden=True)(command)
    for name, field in reversed(Settings.model_fields.items()):
        kind = plain_type(field)
        default = "the built-in list" if kind is list else repr(field.get_default())
        is_switch = kind is bool and not field.get_default()
        takes: dict[str, Any] = (
            {"is_flag": True, "flag_value": "true"} if is_switch else {"metavar": kind.__name__.upper()}
        )
        command = click.option(
            _flag(name),
            name,
            default=None,
            type=click.STRING,
            help=f"{field.description} [default: {default}]",
            **takes,
        )(command)
    return click.option(
        "--settings", "settings_file", metavar="FILE", help="YAML file of settings; options override it."
    )(command)


def given_settings(settings_file: str | None, options: Mapping[str, str | None]) -> dict[str, Any]:
    """Merge the settings of a file and of the command line; the command line wins.

    Args:
        settings_file: YAML file of settings, or None.
        options: Values of the settings' options; None for those not given.

    Returns:
        Values by setting, not validated; `Settings(**values)` validates them.

    Raises:
        UserError: The file cannot be read, or an option is no JSON where JSON is expected.
    """
    values = flat(read_settings(settings_file), warn) if settings_file else {}
    given = {name: text for name, text in options.items() if text is not None}
    return values | {name: _parse(name, text) for name, text in flat(given, warn).items()}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def warn(line: str) -> None:
    """Print a warning to stderr.

    Args:
        line: The warning.
    """
    click.echo(f"warning: {line}", err=True)


def _parse(name: str, text: str) -> Any:
    """Text from the command line; pydantic turns it into the setting's type, JSON is read here."""
    if plain_type(Settings.model_fields[name]) is not list:
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(
            f'{name}: not JSON ({error}); expected a list such as [{{"strategy": "uniform", "layers": 3}}]'
        ) from None
