"""Settings objects: frozen, checked when made, and refusing what they do not know."""

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from components.foundation.errors import UserError


class Options(BaseModel):
    """Base of every settings object. Bad values raise `UserError` with one line that says what to do."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise UserError(_explain(error, list(type(self).model_fields))) from None


def suggest(word: str, known: Sequence[str]) -> str:
    """`did you mean 'x'?` for a near miss, otherwise the list of what is known."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"


def _explain(error: ValidationError, known: list[str]) -> str:
    return "; ".join(_explain_one(detail, known) for detail in error.errors())


def _explain_one(detail: Any, known: list[str]) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"unknown setting {name!r}; {suggest(name, known)}"
    if detail["type"] == "missing":
        return f"{name}: missing; give it a value"
    reason = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    expected = reason if detail["type"] == "value_error" else f"expected {reason}"
    where = f"{name}: " if name else ""
    found = "" if detail["type"] == "value_error" else f"found {detail['input']!r}, "
    return f"{where}{found}{expected}"
