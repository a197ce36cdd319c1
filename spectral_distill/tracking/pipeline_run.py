"""MLflow runs: one parent run for a pipeline run, a nested run for each task or candidate.

The environment distinguishes three situations:

- MLFLOW_RUN_ID is set (by KFP's MLflow plugin, or a user): the task joins that run, and the parent is the outermost
  run around it.
- MLFLOW_TRACKING_URI is set: the parent is the run tagged `kfp.pipeline_run_id` = KFP_RUN_ID in experiment
  MLFLOW_EXPERIMENT_NAME (the first task creates it; of several, the oldest stays). Each task is a nested run below it.
- Neither is set: nothing is tracked.

A step starts only when MLflow answers. At its end it waits for an unavailable server until the timeout, then succeeds
without it: see `logging.Run` and `waiting`. The parent records the pipeline run from `open_run` to `close_run`.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from spectral_distill.core.errors import UserError
from spectral_distill.core.progress import emit
from spectral_distill.tracking import ending as mlflow_ends
from spectral_distill.tracking import mlflow_runs
from spectral_distill.tracking.ending import FINISHED_TAG, UNCHANGED_TAG
from spectral_distill.tracking.history import DIGEST_TAG, EarlierRun, student_runs, teacher_scores, unchanged_since
from spectral_distill.tracking.logging import Run
from spectral_distill.tracking.server import ask, client, is_on, server_errors

__all__ = [
    "EarlierRun",
    "ParentRun",
    "Run",
    "close_run",
    "complete_run",
    "failing_parent",
    "mark_finished",
    "mark_unchanged",
    "open_run",
    "parent_run",
    "student_runs",
    "task_run",
    "teacher_scores",
    "unchanged_since",
]

FROM_CACHE_TAG = "spectral_distill.from_cache"
"""On a nested run whose task came from KFP's cache: its metrics come from the comparison."""
_TAG_LENGTH = 4000


class ParentRun(Run):
    """The MLflow run of a whole pipeline run.

    Args:
        found: The parent, as MLflow returns it; None when tracking is off.
    """

    def __init__(self, found: Any | None):
        super().__init__(None if found is None else found.info.run_id)
        self._found = found

    def describe(self, text: str, *, report: str = "") -> None:
        """Set the description that MLflow shows below the run's name: links, and a text in Markdown.

        Args:
            text: Markdown below the links.
            report: Name of this run's artifact with the report, to link to it; empty for none.
        """
        if self._found is not None:
            self.description("\n\n".join(filter(None, [self._links(report), text])))

    def _links(self, report: str) -> str:
        assert self._found is not None
        kfp = self._found.data.tags.get(mlflow_runs.URL_TAG)
        links = [f"[Run in Kubeflow Pipelines]({kfp})"] if kfp else []
        if report:
            links.append(f"[Report]({mlflow_runs.page(self._found)}/artifacts/{report}) (artifact `{report}`)")
        return " · ".join(links)


@contextmanager
def task_run(name: str, *, role: str, candidate: str | None = None) -> Iterator[Run]:
    """Log a task into its nested run. All tasks of one candidate share one run.

    A server that is unavailable when the task starts is retried until the timeout, so that a failure loses no work.

    Args:
        name: Name of a run that has to be created.
        role: The task's role, such as `teacher` or `candidate`.
        candidate: The candidate's name; None for tasks without one.

    Yields:
        The run. It ends as FINISHED, as FAILED after an error, or as KILLED after an interrupt.

    Raises:
        UserError: The server does not answer when the task starts.
    """
    if not is_on():
        yield Run(None)
        return
    run = Run(ask(lambda: _begin(name, role, candidate)))
    ended = "FAILED"
    try:
        yield run
        ended = "FINISHED"
    except KeyboardInterrupt:
        ended = "KILLED"
        raise
    finally:
        run.end(ended)
        run.close(patient=ended == "FINISHED")


@contextmanager
def parent_run() -> Iterator[ParentRun]:
    """Log into the run of the whole pipeline run, which is created if it does not exist.

    Yields:
        The parent.

    Raises:
        UserError: The server does not answer.
    """
    if not is_on():
        yield ParentRun(None)
        return
    run = ParentRun(ask(lambda: client().get_run(mlflow_runs.parent_id())))
    yield run
    run.close()


def open_run(
    name: str,
    link: str,
    sources: Mapping[str, str],
    versions: Mapping[str, str],
    digest: str,
    made_by: Mapping[str, str],
) -> None:
    """Find or create the parent, record what the pipeline run starts from, and end what earlier runs abandoned.

    Args:
        name: Name of the run in KFP. Empty keeps MLflow's; a parent that KFP's plugin created keeps its own.
        link: URL of the run in KFP's user interface, or empty.
        sources: URIs that the run starts from, by kind: `data`, `teacher`, …; empty ones are not recorded.
        versions: The sources' versions, by kind.
        digest: Digest of everything that the results depend on (see `unchanged_since`).
        made_by: What runs the tasks: `code_version` and `image`.

    Raises:
        UserError: The server does not answer.
    """
    if not is_on():
        return
    ask(lambda: _open(name, link))
    given = [kind for kind, uri in sources.items() if uri]
    with parent_run() as run:
        run.describe("")
        run.parameters({kind: sources[kind] for kind in given})
        run.dataset(sources["data"], versions["data"])
        run.tags(
            {
                **{f"spectral_distill.{kind}_version": versions[kind][:_TAG_LENGTH] for kind in given},
                **{f"spectral_distill.{what}": which for what, which in made_by.items()},
                DIGEST_TAG: digest,
            }
        )
    _end_abandoned(str(run.run_id))


@contextmanager
def failing_parent(name: str = "", link: str = "") -> Iterator[None]:
    """End the parent as FAILED when the block fails. It covers the step before the exit handler.

    Args:
        name: As for `open_run`, which may not have been reached.
        link: As for `open_run`.

    Yields:
        Nothing.
    """
    try:
        yield
    except BaseException as error:
        if is_on():
            _fail_parent(name, link, error)
        raise


def mark_unchanged(earlier: EarlierRun) -> None:
    """Record in the parent that nothing has changed since an earlier run.

    Args:
        earlier: The run with the same inputs.

    Raises:
        UserError: The server does not answer.
    """
    with parent_run() as run:
        run.tags({UNCHANGED_TAG: earlier.run_id})
        run.describe(
            f"Nothing has changed since [{earlier.name}]({earlier.page}) of {earlier.finished:%Y-%m-%d %H:%M} UTC: "
            "data, teacher, settings and code are the same. The champion and the leaderboard are unchanged."
        )


def mark_finished(outcome: Mapping[str, Any]) -> None:
    """Record in the parent that the pipeline run is complete, with its outcome.

    Args:
        outcome: `registered_model`, `version`, `alias`, `reason` and further facts of the decision.

    Raises:
        UserError: The server does not answer.
    """
    with parent_run() as run:
        run.tags({f"spectral_distill.{key}": str(value)[:_TAG_LENGTH] for key, value in outcome.items() if value != ""})
        run.tags({FINISHED_TAG: datetime.now(UTC).isoformat(timespec="seconds")})


def complete_run(name: str, *, role: str, candidate: str | None = None, metrics: Mapping[str, float | None]) -> None:
    """Log the metrics that a task's nested run lacks. A task from KFP's cache gets a nested run for them.

    Args:
        name: Name of a run that has to be created.
        role: The task's role, `teacher` or `candidate`.
        candidate: The candidate's name.
        metrics: Values by MLflow's names. None and NaN are left out.

    Raises:
        UserError: The server does not answer.
    """
    if not is_on():
        return
    found = ask(lambda: mlflow_runs.task_runs(role, candidate=candidate))
    # KFP's plugin creates a run for each task of a candidate: the evaluation's is the one with the metrics.
    chosen = max(found, key=lambda run: len(run.data.metrics.keys() & metrics.keys()), default=None)
    known = chosen.data.metrics if chosen else {}
    run = Run(chosen.info.run_id if chosen else ask(lambda: _make_copy(name, role, candidate)))
    run.metrics({key: value for key, value in metrics.items() if key not in known})
    run.close()


def close_run(state: str, error: str = "") -> None:
    """End the parent and all its open nested runs in MLflow; `ending.decide` gives the status.

    A server that stays unavailable is only noted: a later pipeline run ends what is left open.

    Args:
        state: `dsl.PipelineTaskFinalStatus.state` of the group below the exit handler.
        error: Its error message.
    """
    if not is_on():
        return
    try:
        ending = ask(lambda: _close(state, error))
        if ending.reason:
            emit("note", message=f"MLflow: {ending.status}, {ending.reason}")
    except UserError as problem:
        emit("note", message=f"{problem}; the pipeline run {mlflow_runs.pipeline_run()} stays open there")


def _begin(name: str, role: str, candidate: str | None) -> str:
    run_id = mlflow_runs.task_id(role, candidate, name)
    client().update_run(run_id, status="RUNNING")
    return run_id


def _open(name: str, link: str) -> Any:
    found = client().get_run(mlflow_runs.parent_id())
    parent = found.info.run_id
    if os.environ.get("MLFLOW_RUN_ID"):  # somebody else created the parent: it keeps its name
        client().set_tag(parent, mlflow_runs.ROLE_TAG, mlflow_runs.PIPELINE)
        client().set_tag(parent, mlflow_runs.RUN_ID_TAG, mlflow_runs.pipeline_run())
        name = ""
    client().update_run(parent, status="RUNNING", name=name or None)
    if link and not found.data.tags.get(mlflow_runs.URL_TAG):
        client().set_tag(parent, mlflow_runs.URL_TAG, link)
    return client().get_run(parent)


def _end_abandoned(parent: str) -> None:
    """End abandoned runs. Failing to do so is only noted."""
    from mlflow.exceptions import MlflowException

    try:
        ended = ask(lambda: mlflow_ends.end_abandoned(parent))
    except (UserError, MlflowException) as error:
        emit("note", message=f"MLflow: cannot end runs that earlier pipeline runs left open: {error}"[:300])
        return
    if ended:
        emit("note", message=f"MLflow: ended {ended} earlier pipeline runs without activity for a day")


def _fail_parent(name: str, link: str, error: BaseException) -> None:
    """End the parent without retries, and only note MLflow's errors: the caller reports the error in progress."""
    ending = mlflow_ends.Ending("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED", _in_a_line(error))
    try:
        with server_errors():
            parent = _open(name, link)
            run = ParentRun(parent)
            run.describe(ending.reason)
            run.close(patient=False)
            mlflow_ends.end_all(ending, parent, [])
    except Exception as problem:
        emit("note", message=f"{problem}; the pipeline run {mlflow_runs.pipeline_run()} is not closed there"[:300])


def _in_a_line(error: BaseException) -> str:
    return str(error) if isinstance(error, UserError) else type(error).__name__


def _close(state: str, error: str) -> mlflow_ends.Ending:
    parent = client().get_run(mlflow_runs.parent_id())
    children = mlflow_runs.children_of(mlflow_runs.pipeline_run(), parent.info.run_id)
    ending = mlflow_ends.decide(state, error, parent.data.tags, children)
    mlflow_ends.end_all(ending, parent, children)
    return ending


def _make_copy(name: str, role: str, candidate: str | None) -> str:
    identity = {mlflow_runs.ROLE_TAG: role, FROM_CACHE_TAG: "true"}
    if candidate is not None:
        identity[mlflow_runs.CANDIDATE_TAG] = candidate
    made = mlflow_runs.make_nested(mlflow_runs.parent_id(), name, identity)
    client().set_terminated(made, "FINISHED", int(time.time() * 1000))
    return made
