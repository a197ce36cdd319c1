"""MLflow runs: one parent run for a pipeline run, a nested run for each task or candidate.

Three situations, told apart by the environment:

- MLFLOW_RUN_ID is set (KFP's MLflow plugin, or a user): that run is the task's own; it is joined, and the parent is
  the outermost run that it is nested in.
- MLFLOW_TRACKING_URI is set: the parent is the run tagged `kfp.pipeline_run_id` = KFP_RUN_ID (the first task
  makes it, the oldest wins) in experiment MLFLOW_EXPERIMENT_NAME; each task is a nested run below it.
- Neither: nothing is tracked.

A step begins only when MLflow answers, waits for it when it ends, and ends without it in the worst case: see
`mlflow_logging.Run` and `waiting`. The parent tells on its own what the pipeline run did, from `open_run` to
`close_run`.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from components.foundation import mlflow_ends, mlflow_runs
from components.foundation.code_version import code_version
from components.foundation.comparison import REPORT
from components.foundation.errors import UserError
from components.foundation.image import image_in_use
from components.foundation.mlflow_ends import FINISHED_TAG, UNCHANGED_TAG
from components.foundation.mlflow_history import DIGEST_TAG, EarlierRun, student_runs, teacher_scores, unchanged_since
from components.foundation.mlflow_logging import Run
from components.foundation.mlflow_server import ask, client, is_on, server_errors
from components.foundation.progress import emit

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
"""On a nested run whose task did not run in this pipeline run: its numbers come from the comparison."""
_TAG_LENGTH = 4000


class ParentRun(Run):
    """The run of a whole pipeline run."""

    def __init__(self, found: Any | None):
        super().__init__(None if found is None else found.info.run_id)
        self._found = found

    def describe(self, text: str, *, with_report: bool = False) -> None:
        """Write what MLflow shows below the run's name: links, and a text in Markdown.

        Args:
            text: Below the links.
            with_report: Link to the report too, which is an artifact of this run then.
        """
        if self._found is not None:
            self.description("\n\n".join(filter(None, [self._links(with_report), text])))

    def _links(self, with_report: bool) -> str:
        assert self._found is not None
        kfp = self._found.data.tags.get(mlflow_runs.URL_TAG)
        links = [f"[Run in Kubeflow Pipelines]({kfp})"] if kfp else []
        if with_report:
            links.append(f"[Report]({mlflow_runs.page(self._found)}/artifacts/{REPORT}) (artifact `{REPORT}`)")
        return " · ".join(links)


@contextmanager
def task_run(name: str, *, role: str, candidate: str | None = None) -> Iterator[Run]:
    """The nested run of a task. The tasks of one candidate share one run. It ends FINISHED, or FAILED on an error.

    A server that does not answer when the task begins is waited for, and raises `UserError` in the end: nothing is
    lost then.
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
    """The run of the whole pipeline run, made where it is missing. `UserError` where the server does not answer."""
    if not is_on():
        yield ParentRun(None)
        return
    run = ParentRun(ask(lambda: client().get_run(mlflow_runs.parent_id())))
    yield run
    run.close()


def open_run(name: str, link: str, sources: Mapping[str, str], versions: Mapping[str, str], digest: str) -> None:
    """Make or find the parent, tell it what the pipeline run is and starts from, and end what earlier runs left open.

    Args:
        name: Of the run in KFP. Empty keeps MLflow's; a parent that KFP's plugin made keeps its own.
        link: To the run in KFP's user interface, or empty.
        sources: What the run starts from, by kind: `data`, `teacher`, …; empty ones are not told.
        versions: What stands there now, by kind.
        digest: Of all that the results depend on (see `unchanged_since`).

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
                "spectral_distill.code_version": code_version(),
                "spectral_distill.image": image_in_use(),
                DIGEST_TAG: digest,
            }
        )
    _end_abandoned(str(run.run_id))


@contextmanager
def failing_parent(name: str = "", link: str = "") -> Iterator[None]:
    """End the parent as FAILED when the block fails: for the step before the exit handler.

    Args:
        name: As for `open_run`, which may not have been reached.
        link: Likewise.
    """
    try:
        yield
    except BaseException as error:
        if is_on():
            _fail_parent(name, link, error)
        raise


def mark_unchanged(earlier: EarlierRun) -> None:
    """Tell the parent that nothing is new since an earlier run."""
    with parent_run() as run:
        run.tags({UNCHANGED_TAG: earlier.run_id})
        run.describe(
            f"Nothing is new since [{earlier.name}]({earlier.page}) of {earlier.finished:%Y-%m-%d %H:%M} UTC: data, "
            "teacher, settings and code are the same. The champion and the leaderboard stay as they are."
        )


def mark_finished(outcome: Mapping[str, Any]) -> None:
    """Tell the parent that the pipeline run has done all its work, and what came of it.

    Args:
        outcome: `registered_model`, `version`, `alias`, `reason` and whatever else belongs to the decision.
    """
    with parent_run() as run:
        run.tags({f"spectral_distill.{key}": str(value)[:_TAG_LENGTH] for key, value in outcome.items() if value != ""})
        run.tags({FINISHED_TAG: datetime.now(UTC).isoformat(timespec="seconds")})


def complete_run(name: str, *, role: str, candidate: str | None = None, metrics: Mapping[str, float | None]) -> None:
    """Log numbers of a task to its nested run: those that it lacks. A task from the cache gets a nested run for them.

    Args:
        name: Of a run that has to be made.
        role: The task's, `teacher` or `candidate`.
        candidate: The candidate's name.
        metrics: By MLflow's names. None and NaN are left out.

    Raises:
        UserError: The server does not answer.
    """
    if not is_on():
        return
    found = ask(lambda: mlflow_runs.task_runs(role, candidate=candidate))
    # KFP's plugin makes a run for each task of a candidate: the evaluation's is the one with the numbers.
    chosen = max(found, key=lambda run: len(run.data.metrics.keys() & metrics.keys()), default=None)
    known = chosen.data.metrics if chosen else {}
    run = Run(chosen.info.run_id if chosen else ask(lambda: _make_copy(name, role, candidate)))
    run.metrics({key: value for key, value in metrics.items() if key not in known})
    run.close()


def close_run(state: str, error: str = "") -> None:
    """End the parent and all its open nested runs in MLflow, by what happened: see `mlflow_ends.decide`.

    A server that stays away is told in a note only: a later pipeline run ends what is left open.

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
    if os.environ.get("MLFLOW_RUN_ID"):  # the parent is somebody else's: it keeps its name
        client().set_tag(parent, mlflow_runs.ROLE_TAG, mlflow_runs.PIPELINE)
        client().set_tag(parent, mlflow_runs.RUN_ID_TAG, mlflow_runs.pipeline_run())
        name = ""
    client().update_run(parent, status="RUNNING", name=name or None)
    if link and not found.data.tags.get(mlflow_runs.URL_TAG):
        client().set_tag(parent, mlflow_runs.URL_TAG, link)
    return client().get_run(parent)


def _end_abandoned(parent: str) -> None:
    """Tidying up stops no run: what MLflow does not allow is a note."""
    from mlflow.exceptions import MlflowException

    try:
        ended = ask(lambda: mlflow_ends.end_abandoned(parent))
    except (UserError, MlflowException) as error:
        emit("note", message=f"MLflow keeps what earlier runs left open: {error}"[:300])
        return
    if ended:
        emit("note", message=f"MLflow: ended {ended} earlier runs of which nothing was heard for a day")


def _fail_parent(name: str, link: str, error: BaseException) -> None:
    """Without waiting, and whatever MLflow says to it: the error that is under way is the one to be told."""
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
