"""How the cluster commands print states, durations and tables."""

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
    """Write a state in lower case, with rich's markup for its colour.

    Args:
        state: The state; None means unknown.
        width: Minimum number of characters.

    Returns:
        The word with markup.
    """
    word = f"{(state or 'unknown').lower().replace('_', ' '):<{width}}"
    colour = _COLOURS.get(state or "")
    return f"[{colour}]{word}[/]" if colour else word


def duration(seconds: float | None) -> str:
    """Write a duration: 12 s, 3 min 05 s, 2 h 07 min.

    Args:
        seconds: The duration in seconds; None if there is none yet.

    Returns:
        The text; empty for None.
    """
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Make a table whose cells may hold markup. Ids are never shortened.

    Args:
        columns: Names of the columns.
        rows: Cells of each row.

    Returns:
        The table.
    """
    made = Table(box=SIMPLE_HEAD)
    for column in columns:
        made.add_column(column, no_wrap=column == "id", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def plain(text: str | None) -> str:
    """Escape a server's text, so that rich does not read it as markup.

    Args:
        text: The text, or None.

    Returns:
        The escaped text; empty for None.
    """
    return escape(text or "")
