"""What the terminal shows of a local run: steps, progress bars, times."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_POLL_S = 0.2


class Display:
    """Draws the events of a run as they come.

    Args:
        console: The terminal to draw on.
    """

    def __init__(self, console: Console):
        self.console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}"),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task: TaskID | None = None
        self._title = ""

    @contextmanager
    def following(self, events: Path) -> Iterator[None]:
        """Draw what is appended to the events file until the block ends.

        Args:
            events: The events file, which exists.
        """
        done = threading.Event()
        follower = threading.Thread(target=self._follow, args=(events, done), daemon=True)
        with self._progress:
            follower.start()
            try:
                yield
            finally:
                done.set()
                follower.join()

    def cached(self, task: str) -> None:
        """Draw a task whose result came from the cache.

        Args:
            task: kfp's name of the task.
        """
        self._say(f"[cyan]=[/] {task.replace('-', '_'):<52} [dim]cached[/]")

    def _follow(self, events: Path, done: threading.Event) -> None:
        with events.open(encoding="utf-8") as stream:
            rest = ""
            while True:
                finished = done.is_set()
                rest += stream.read()
                *lines, rest = rest.split("\n")
                for line in lines:
                    self._draw(json.loads(line))
                if finished:
                    return
                done.wait(_POLL_S)

    def _draw(self, event: dict[str, Any]) -> None:
        handler = getattr(self, f"_on_{event['event']}", None)
        if handler is not None:
            handler(event)

    def _on_step_started(self, event: dict[str, Any]) -> None:
        self._title = _title(event)
        self._task = self._progress.add_task(self._title, total=None, count="", note="")

    def _on_progress(self, event: dict[str, Any]) -> None:
        if self._task is None:
            return
        numbers = "  ".join(
            f"{name} {value:g}"
            for name, value in event.items()
            if name not in ("event", "time", "what", "done", "total")
        )
        self._progress.update(
            self._task,
            completed=event["done"],
            total=event["total"],
            count=f"{event['done']}/{event['total']}",
            note=f"{event['what']}  {numbers}",
        )

    def _on_note(self, event: dict[str, Any]) -> None:
        self._say(f"  [yellow]note:[/] {event['message']}")

    def _on_step_finished(self, event: dict[str, Any]) -> None:
        self._end(f"[green]✓[/] {_title(event)} [dim]{_clock(event['seconds'])}[/]")

    def _on_step_failed(self, event: dict[str, Any]) -> None:
        self._end(f"[red]✗[/] {_title(event)}")

    def _end(self, line: str) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        self._say(line)

    def _say(self, line: str) -> None:
        self._progress.console.print(line, highlight=False)


def _title(event: dict[str, Any]) -> str:
    return f"{event['step']:<16}  {event.get('detail', ''):<34}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:>3}:{int(seconds) % 60:02d}"
