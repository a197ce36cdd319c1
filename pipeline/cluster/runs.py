"""Runs on the server: start, follow, look at, cancel."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.cluster.connection import Connection, Unreachable, named, pages, quietly
from pipeline.cluster.pipelines import Version, steps_of

FINISHED = frozenset({"SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"})
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S, _PAUSE_GROWTH = 1.0, 15.0, 1.5
_LOST_PAUSES_S = (1, 2, 5, 10, 30, 60, 60, 60)  # an API server that restarts must not end a wait


@dataclass(frozen=True)
class Task:
    """One execution of a step. `seconds` is None before its end; `nodes` are the workflow's nodes below it."""

    name: str
    state: str
    started: datetime
    seconds: float | None
    nodes: tuple[str, ...]


def start(
    connection: Connection, version: Version, *, name: str, experiment: str, parameters: Mapping[str, Any]
) -> str:
    """Start a run with these parameters, the pipeline's defaults otherwise; returns its id."""
    with quietly():
        run = connection.client.run_pipeline(
            experiment_id=experiment_id(connection, experiment),
            job_name=name,
            params=dict(parameters),
            pipeline_id=version.pipeline_id,
            version_id=version.version_id,
        )
    return str(run.run_id)


def experiment_id(connection: Connection, name: str) -> str:
    """The experiment of this name, made if there is none."""
    with quietly():
        return str(connection.client.create_experiment(name, namespace=connection.namespace).experiment_id)


def list_runs(connection: Connection, *, experiment: str | None, limit: int) -> list[Any]:
    """The latest runs, newest first: of one experiment, or of all."""
    question: dict[str, Any] = {"namespace": connection.namespace}
    if experiment:
        found = pages(
            connection.client.list_experiments,
            "experiments",
            namespace=connection.namespace,
            filter=named("display_name", experiment),
        )
        if not found:
            return []
        question = {"experiment_id": found[0].experiment_id}
    return pages(connection.client.list_runs, "runs", limit, sort_by="created_at desc", **question)


def steps_of_run(connection: Connection, run: Any) -> set[str]:
    """The steps that a run's pipeline has."""
    reference = run.pipeline_version_reference
    if reference is None:  # started from a file, without a pipeline on the server
        return steps_of(run.pipeline_spec)
    version = connection.client.get_pipeline_version(reference.pipeline_id, reference.pipeline_version_id)
    return steps_of(version.pipeline_spec)


def tasks_of(run: Any, steps: set[str]) -> list[Task]:
    """What the run's steps have come to, in the order of their starts; a step in a loop has several tasks."""
    details = (run.run_details.task_details or []) if run.run_details else []
    return sorted(
        (_task(detail) for detail in details if detail.display_name in steps),
        key=lambda task: (task.started, task.name),
    )


def follow(
    connection: Connection, run_id: str, finished: Callable[[Task], None], running: Callable[[str], None]
) -> Any:
    """Wait for a run's end and return it; `finished` gets each task once, `running` the names of those at work."""
    run, told, pause = connection.client.get_run(run_id), set[Task](), _SHORTEST_PAUSE_S
    steps = steps_of_run(connection, run)
    while True:
        tasks = tasks_of(run, steps)
        for task in tasks:
            if task.seconds is not None and task not in told:
                told.add(task)
                finished(task)
        if run.state in FINISHED:
            return run
        running(", ".join(sorted({task.name for task in tasks if task.state == "RUNNING"})))
        time.sleep(pause)
        pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_S)
        run = _patiently(lambda: connection.client.get_run(run_id))


def seconds_of(run: Any) -> float | None:
    """How long a run took; None before its end."""
    return _seconds(run.created_at, run.finished_at) if run.state in FINISHED else None


def _task(detail: Any) -> Task:
    state = detail.state or "RUNTIME_STATE_UNSPECIFIED"
    return Task(
        name=detail.display_name,
        state=state,
        started=detail.start_time,
        seconds=_seconds(detail.start_time, detail.end_time) if state in FINISHED else None,
        nodes=tuple(child.pod_name for child in detail.child_tasks or [] if child.pod_name),
    )


def _seconds(start_time: datetime, end_time: datetime) -> float:
    return max((end_time - start_time).total_seconds(), 0.0)


def _patiently(ask: Callable[[], Any]) -> Any:
    for pause in _LOST_PAUSES_S:
        try:
            return ask()
        except Unreachable:
            time.sleep(pause)
    return ask()
