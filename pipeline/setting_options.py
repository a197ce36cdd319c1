"""One command line option for each setting, and the settings that the user gave."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import click

from components.foundation.errors import UserError
from components.foundation.settings import RENAMED, Settings, flat
from pipeline.settings import plain_type, read_settings


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--settings FILE` as `settings_file`, and every setting under its own name, None where it is not given."""
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
        "--settings", "settings_file", metavar="FILE", help="YAML file of settings; options on the command line win."
    )(command)


def given_settings(settings_file: str | None, options: Mapping[str, str | None]) -> dict[str, Any]:
    """What the file and the options say, unchecked; `Settings` checks it and turns it into the right types.

    A deprecated name is accepted with a line on stderr.
    """
    values = flat(read_settings(settings_file), warn) if settings_file else {}
    given = {name: text for name, text in options.items() if text is not None}
    return values | {name: _parse(name, text) for name, text in flat(given, warn).items()}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def warn(line: str) -> None:
    """Tell the user of a deprecated name."""
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
