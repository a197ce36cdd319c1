"""Where the commands print."""

import sys

from rich.console import Console


def open_console() -> Console:
    """Writes to the stdout of now, as KFP's is redirected later; wide enough for tables where it is no terminal."""
    console = Console(file=sys.stdout, highlight=False)
    return console if console.is_terminal else Console(file=sys.stdout, highlight=False, width=110)
