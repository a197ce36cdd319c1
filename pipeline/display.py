"""What the person at the terminal sees of a local run: steps, bars, times; and the leaderboard at the end."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from components.foundation.mlflow_runs import CANDIDATE_TAG

_POLL_S = 0.2


def open_console() -> Console:
    """Writes to the stdout of now, as KFP's is redirected later; wide enough for tables where it is no terminal."""
    console = Console(file=sys.stdout, highlight=False)
    return console if console.is_terminal else Console(file=sys.stdout, highlight=False, width=110)


class Display:
    """Draws the events of a run as they come."""

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
        """Draw what is appended to the events file until the block ends."""
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


def leaderboard_table(rows: list[dict[str, Any]], teacher: dict[str, Any] | None) -> Table:
    """Rows: name, accuracy, retention ("kept"), agreement, speedup, bytes, and maybe the difference to the teacher."""
    table = Table(title="Leaderboard", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in ("#", "student", "accuracy", "vs teacher", "kept", "agrees", "speed", "MB"):
        table.add_column(column, justify="left" if column == "student" else "right", no_wrap=column != "student")
    for position, row in enumerate(rows, start=1):
        table.add_row(
            str(position),
            row["name"],
            f"{row['accuracy']:.2%}",
            row["difference"],
            f"{row['retention']:.1%}",
            f"{row['agreement']:.1%}",
            f"{row['speedup']:.2f}x",
            f"{row['bytes'] / 1e6:.1f}",
        )
    if teacher is not None:
        table.add_row("", "teacher", f"{teacher['accuracy']:.2%}", "", "", "", "1.00x", f"{teacher['bytes'] / 1e6:.1f}")
    return table


def comparison_rows(leaderboard: dict[str, Any]) -> list[dict[str, Any]]:
    """`leaderboard.json` as rows of `leaderboard_table`."""
    rows = []
    for row in leaderboard["rows"]:
        found, gap = row["evaluation"], row["versus_teacher"]
        rows.append(
            {
                "name": row["configuration"],
                "accuracy": row["accuracy"],
                "difference": _difference(gap),
                "retention": found["scores"]["retention"],
                "agreement": found["scores"]["agreement"],
                "speedup": found["speed"]["batch_32"]["speedup"],
                "bytes": found["size"]["bytes"],
            }
        )
    return rows


def tracked_rows(runs: list[Any]) -> list[dict[str, Any]]:
    """MLflow runs of students as rows of `leaderboard_table`."""
    return [_tracked_row(run.data.tags[CANDIDATE_TAG], run.data.metrics) for run in runs]


def _tracked_row(name: str, metrics: dict[str, float]) -> dict[str, Any]:
    """`name` by the candidate's tag: KFP's plugin gives runs names of its own. A run that has not been compared yet
    has no difference to the teacher."""
    gap = {key: metrics.get(f"versus_teacher.{key}") for key in ("difference", "low", "high")}
    return {
        "name": name,
        "accuracy": metrics["test.accuracy"],
        "difference": "" if None in gap.values() else _difference(gap),
        "retention": metrics["test.retention"],
        "agreement": metrics["test.agreement"],
        "speedup": metrics["speed.batch_32.speedup"],
        "bytes": metrics["size.bytes"],
    }


def _difference(gap: dict[str, Any]) -> str:
    """In points, with its interval."""
    return f"{100 * gap['difference']:+.1f} [{100 * gap['low']:+.1f}, {100 * gap['high']:+.1f}]"


def _title(event: dict[str, Any]) -> str:
    return f"{event['step']:<16}  {event.get('detail', ''):<34}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:>3}:{int(seconds) % 60:02d}"
