"""The leaderboard as a table, from a comparison on disk or from MLflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from spectral_distill.comparison.artifact import Comparison
from spectral_distill.tracking.mlflow_runs import CANDIDATE_TAG

_GAP = ("versus_teacher.difference", "versus_teacher.low", "versus_teacher.high")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One student of the table.

    Attributes:
        name: Name of the candidate or configuration.
        accuracy: Accuracy on the test split, from 0 to 1.
        difference: Accuracy less the teacher's, in percentage points with its interval; empty if it was not compared.
        retention: The student's accuracy divided by the teacher's.
        agreement: Share of test texts for which student and teacher predict the same label.
        speedup: Teacher time / student time for batches of 32.
        bytes: Size of the weights, in bytes.
    """

    name: str
    accuracy: float
    difference: str
    retention: float
    agreement: float
    speedup: float
    bytes: float


def leaderboard_table(lines: Sequence[Line], teacher: Mapping[str, float] | None) -> Table:
    """Make a table of students.

    Args:
        lines: The students, in the order of the table.
        teacher: The teacher's `accuracy` and `bytes`; None if they are unknown.

    Returns:
        The table.
    """
    table = Table(title="Leaderboard", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in ("#", "student", "accuracy", "vs teacher", "kept", "agrees", "speed", "MB"):
        table.add_column(column, justify="left" if column == "student" else "right", no_wrap=column != "student")
    for position, line in enumerate(lines, start=1):
        table.add_row(
            str(position),
            line.name,
            f"{line.accuracy:.2%}",
            line.difference,
            f"{line.retention:.1%}",
            f"{line.agreement:.1%}",
            f"{line.speedup:.2f}x",
            f"{line.bytes / 1e6:.1f}",
        )
    if teacher is not None:
        table.add_row("", "teacher", f"{teacher['accuracy']:.2%}", "", "", "", "1.00x", f"{teacher['bytes'] / 1e6:.1f}")
    return table


def compared(comparison: Comparison) -> list[Line]:
    """List the students of a comparison.

    Args:
        comparison: The comparison.

    Returns:
        One line for each configuration, best first.
    """
    return [
        Line(
            name=row.configuration,
            accuracy=row.accuracy,
            difference=_difference(row.versus_teacher.difference, row.versus_teacher.low, row.versus_teacher.high),
            retention=row.evaluation.scores.retention,
            agreement=row.evaluation.scores.agreement,
            speedup=row.evaluation.speed.batch_32.speedup,
            bytes=row.evaluation.size.bytes,
        )
        for row in comparison.rows
    ]


def tracked(runs: Sequence[Any]) -> list[Line]:
    """List the students of MLflow runs.

    Args:
        runs: Runs of candidates.

    Returns:
        One line for each run, in the same order.
    """
    return [_tracked_line(run.data.tags[CANDIDATE_TAG], run.data.metrics) for run in runs]


def _tracked_line(name: str, metrics: Mapping[str, float]) -> Line:
    """Make the line of a run.

    Args:
        name: The candidate's tag: KFP's plugin gives runs names of its own.
        metrics: The run's metrics. A run that has not been compared yet lacks the difference to the teacher.

    Returns:
        The line.
    """
    gap = [metrics[key] for key in _GAP if key in metrics]
    return Line(
        name=name,
        accuracy=metrics["test.accuracy"],
        difference=_difference(*gap) if len(gap) == len(_GAP) else "",
        retention=metrics["test.retention"],
        agreement=metrics["test.agreement"],
        speedup=metrics["speed.batch_32.speedup"],
        bytes=metrics["size.bytes"],
    )


def _difference(difference: float, low: float, high: float) -> str:
    """Format a difference in percentage points, with its interval."""
    return f"{100 * difference:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
