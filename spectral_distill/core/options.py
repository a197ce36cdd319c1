"""Settings objects: frozen, validated when made, and strict about unknown names."""

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from spectral_distill.core.errors import UserError


class Options(BaseModel):
    """Base class of every settings object.

    Args:
        **values: Values by field name.

    Raises:
        UserError: A value is invalid or a name is unknown. The one line says what to do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise UserError(_explain(error, list(type(self).model_fields))) from None


def suggest(word: str, known: Sequence[str]) -> str:
    """Suggest the nearest known word.

    Args:
        word: What the user wrote.
        known: The valid words.

    Returns:
        `did you mean 'x'?` for a near miss, otherwise the list of valid words.
    """
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"


def _explain(error: ValidationError, known: list[str]) -> str:
    return "; ".join(_explain_one(detail, known) for detail in error.errors())


def _explain_one(detail: Any, known: list[str]) -> str:
    name = _path(detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"unknown setting {name!r}; {suggest(name, known)}"
    if detail["type"] == "missing":
        return f"{name}: missing; give it a value"
    where = f"{name}: " if name else ""
    if detail["type"] == "value_error":
        return f"{where}{detail['msg'].removeprefix('Value error, ')}"
    return f"{where}found {detail['input']!r}, expected {_expected(detail)}"


def _path(location: Sequence[str | int]) -> str:
    """Write a location as a user would: `candidates[0].layers`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _expected(detail: Any) -> str:
    """Return what pydantic expected, without its notes on the conversions it tried."""
    if detail["type"] == "string_pattern_mismatch":
        return f"text that matches {detail['ctx']['pattern']}"
    if detail["type"] == "dict_type":
        return "names and values"
    reason = detail["msg"].removeprefix("Input should be ").replace("String should have", "text with")
    return reason if detail["type"] == "literal_error" else reason.partition(", ")[0]
