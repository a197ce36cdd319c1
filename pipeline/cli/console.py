"""The console that the commands print to."""

import sys

from rich.console import Console


def open_console() -> Console:
    """Open a console on the present stdout, because KFP redirects stdout later.

    Returns:
        The console. Without a terminal it is wide enough for the tables.
    """
    console = Console(file=sys.stdout, highlight=False)
    return console if console.is_terminal else Console(file=sys.stdout, highlight=False, width=110)
