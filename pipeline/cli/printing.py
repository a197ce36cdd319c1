"""How the commands of a cluster show states, times and lists."""

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

_COLOURS = {
    "SUCCEEDED": "green",
    "CACHED": "green",
    "FAILED": "red",
    "CANCELED": "red",
    "RUNNING": "cyan",
    "STARTING": "cyan",
    "UNKNOWN": "yellow",
}


def state_word(state: str | None, width: int = 0) -> str:
    """The word for a state, in lower case, with rich's markup for its colour."""
    word = f"{(state or 'unknown').lower().replace('_', ' '):<{width}}"
    colour = _COLOURS.get(state or "")
    return f"[{colour}]{word}[/]" if colour else word


def duration(seconds: float | None) -> str:
    """12 s, 3 min 05 s, 2 h 07 min; empty while there is none."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table whose cells may hold markup; ids are never shortened."""
    made = Table(box=SIMPLE_HEAD)
    for column in columns:
        made.add_column(column, no_wrap=column == "id", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def plain(text: str | None) -> str:
    """What a server gave, kept from being read as markup."""
    return escape(text or "")
