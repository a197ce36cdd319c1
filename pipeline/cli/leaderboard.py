"""The leaderboard as a table, from a comparison on disk or from MLflow."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from spectral_distill.tracking.mlflow_runs import CANDIDATE_TAG


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
