"""Explanations of a run's task states: why tasks failed, were skipped, or are unknown."""

from collections.abc import Sequence

from pipeline.cluster.logs import Logs
from pipeline.cluster.tasks import Task


def explain(tasks: Sequence[Task], unmet_conditions: Sequence[str], logs: Logs) -> list[str]:
    """Explain the states that a reader may misunderstand.

    Args:
        tasks: The run's tasks.
        unmet_conditions: Names of the groups that were skipped.
        logs: The run's logs, for the reasons of driver failures.

    Returns:
        One line for each explanation; none if the states speak for themselves.
    """
    return [*_driver_failures(tasks, logs), *_left_out(unmet_conditions), *_unknown(tasks)]


def failure(tasks: Sequence[Task], run_id: str) -> str:
    """Name the tasks that failed or were stopped, and say where to look.

    Args:
        tasks: The run's tasks.
        run_id: Id of the run.

    Returns:
        One line.
    """
    failed = _names(tasks, "FAILED")
    if failed:
        return f"failed tasks: {failed}; see `spectral-distill runs logs {run_id}`"
    stopped = _names(tasks, "CANCELED")
    return f"stopped tasks: {stopped}" if stopped else "failed tasks: none that KFP names; see the run's page"


def _driver_failures(tasks: Sequence[Task], logs: Logs) -> list[str]:
    labels: dict[str, list[str]] = {}
    for task in tasks:
        if task.failed_in_driver and task.state == "FAILED":
            labels.setdefault(logs.reason(task), []).append(task.label)
    return [
        f"{names[0]}{_and_more(names)} failed before the start, in KFP's driver: {why}" for why, names in labels.items()
    ]


def _and_more(names: Sequence[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _left_out(unmet_conditions: Sequence[str]) -> list[str]:
    if not unmet_conditions:
        return []
    groups = " and ".join(f"`{name}`" for name in unmet_conditions)
    return [f"Nothing has changed since an earlier run: the condition of {groups} was not met, no task in it started."]


def _unknown(tasks: Sequence[Task]) -> list[str]:
    if not any(task.state == "UNKNOWN" for task in tasks):
        return []
    return [
        "Unknown: KFP's API stopped updating the tasks, as it does when a run's Workflow exceeds 1 MiB; the run's page "
        "in the UI shows the true states."
    ]


def _names(tasks: Sequence[Task], state: str) -> str:
    return ", ".join(task.label for task in tasks if task.state == state)
