"""One command line option for each setting, and the settings that the user gave."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import click

from components.foundation.errors import UserError
from pipeline.settings import Settings, plain_type, read_settings


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--settings FILE` as `settings_file`, and every setting under its own name, None where it is not given."""
    for name, field in reversed(Settings.model_fields.items()):
        kind = plain_type(field)
        default = "the built-in list" if kind is list else repr(field.get_default())
        command = click.option(
            f"--{name.replace('_', '-')}",
            name,
            default=None,
            type=click.STRING,
            metavar=kind.__name__.upper(),
            help=f"{field.description} [default: {default}]",
        )(command)
    return click.option(
        "--settings", "settings_file", metavar="FILE", help="YAML file of settings; options on the command line win."
    )(command)


def given_settings(settings_file: str | None, options: Mapping[str, str | None]) -> dict[str, Any]:
    """What the file and the options say, unchecked; `Settings` checks it and turns it into the right types."""
    values = read_settings(settings_file) if settings_file else {}
    return values | {name: _parse(name, text) for name, text in options.items() if text is not None}


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
