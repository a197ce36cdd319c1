"""Runs on the server: start, follow, list."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.cluster.connection import Connection, Unreachable, named, pages, quietly
from pipeline.cluster.pipelines import Version
from pipeline.cluster.tasks import ENDED, FINISHED, Pipeline, Task, seconds_between, tasks_of

_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S, _PAUSE_GROWTH = 1.0, 15.0, 1.5
_QUIET_S = 600.0
_RETRY_PAUSES_S = (1, 2, 5, 10, 30, 60, 60, 60)  # a restart of the API server must not end a wait


def start(
    connection: Connection, version: Version, *, name: str, experiment: str, parameters: Mapping[str, Any]
) -> str:
    """Start a run.

    Args:
        connection: The connection to KFP.
        version: The pipeline version to run.
        name: Name of the run.
        experiment: KFP experiment of the run; it is created if it does not exist.
        parameters: Arguments of the pipeline; its defaults apply to the others.

    Returns:
        The id of the run.

    Raises:
        UserError: The server does not answer, or answers with an error.
    """
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
    """Find or create a KFP experiment.

    Args:
        connection: The connection to KFP.
        name: Name of the experiment.

    Returns:
        Its id.

    Raises:
        UserError: The server does not answer, or answers with an error.
    """
    with quietly():
        return str(connection.client.create_experiment(name, namespace=connection.namespace).experiment_id)


def list_runs(connection: Connection, *, experiment: str | None, limit: int) -> list[Any]:
    """List the latest runs, newest first.

    Args:
        connection: The connection to KFP.
        experiment: Name of an experiment; all if None.
        limit: Maximum number of runs.

    Returns:
        KFP's runs.

    Raises:
        UserError: The server does not answer, or answers with an error.
    """
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


def pipeline_of(connection: Connection, run: Any) -> Pipeline:
    """Read the pipeline of a run.

    Args:
        connection: The connection to KFP.
        run: KFP's run.

    Returns:
        The pipeline's IR, and the run's parameters.

    Raises:
        UserError: The server does not answer, or answers with an error.
    """
    parameters = (run.runtime_config.parameters or {}) if run.runtime_config else {}
    reference = run.pipeline_version_reference
    if reference is None:  # started from a file, without a pipeline on the server
        return Pipeline(run.pipeline_spec, parameters)
    version = connection.client.get_pipeline_version(reference.pipeline_id, reference.pipeline_version_id)
    return Pipeline(version.pipeline_spec, parameters)


def follow(
    connection: Connection,
    run_id: str,
    ended: Callable[[Task], None],
    running: Callable[[str], None],
    quiet: Callable[[], None],
) -> Any:
    """Wait for the end of a run.

    Args:
        connection: The connection to KFP.
        run_id: Id of the run.
        ended: Called once for each task that has ended.
        running: Called after every poll with the names of the running tasks.
        quiet: Called once if no task changes for some minutes.

    Returns:
        KFP's run after its end.

    Raises:
        UserError: The server does not answer after all retries, or answers with an error.
    """
    run, reported, before = connection.client.get_run(run_id), set[str](), list[Task]()
    pause, unchanged_s = _SHORTEST_PAUSE_S, 0.0
    pipeline = pipeline_of(connection, run)
    while True:
        tasks = tasks_of(run, pipeline)
        for task in tasks:
            if task.state in ENDED and task.label not in reported:
                reported.add(task.label)
                ended(task)
        if run.state in FINISHED:
            return run
        running(", ".join(task.label for task in tasks if task.state == "RUNNING"))
        if unchanged_s < _QUIET_S <= (unchanged_s := unchanged_s + pause if tasks == before else 0.0):
            quiet()
        time.sleep(pause)
        before, pause = tasks, min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_S)
        run = patiently(lambda: connection.client.get_run(run_id))


def wait_for_end(connection: Connection, run_id: str, timeout_s: float) -> bool:
    """Wait for the end of a run, for a limited time.

    Args:
        connection: The connection to KFP.
        run_id: Id of the run.
        timeout_s: Maximum wait, in seconds.

    Returns:
        Whether the run has ended.

    Raises:
        UserError: The server does not answer after all retries, or answers with an error.
    """
    deadline = time.monotonic() + timeout_s
    while patiently(lambda: connection.client.get_run(run_id)).state not in FINISHED:
        if time.monotonic() > deadline:
            return False
        time.sleep(_SHORTEST_PAUSE_S)
    return True


def seconds_of(run: Any) -> float | None:
    """Compute the duration of a run.

    Args:
        run: KFP's run.

    Returns:
        Its duration in seconds; None before its end.
    """
    return seconds_between(run.created_at, run.finished_at) if run.state in FINISHED else None


def patiently(ask: Callable[[], Any]) -> Any:
    """Retry a request for some minutes while the server does not answer.

    Args:
        ask: The request.

    Returns:
        Its result.

    Raises:
        Unreachable: The server does not answer after all retries.
    """
    for pause in _RETRY_PAUSES_S:
        try:
            return ask()
        except Unreachable:
            time.sleep(pause)
    return ask()
