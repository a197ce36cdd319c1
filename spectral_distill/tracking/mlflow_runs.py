"""MLflow's runs of a pipeline run: the parent, and the nested runs of its tasks and candidates.

The functions here ask the server once; callers retry while it is unavailable (`server.ask`).
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spectral_distill.tracking.server import address, client

DEFAULT_EXPERIMENT = "spectral-distill"
RUN_ID_TAG, URL_TAG = "kfp.pipeline_run_id", "kfp.pipeline_run_url"  # as KFP's MLflow plugin names them
ROLE_TAG = "spectral_distill.role"
CANDIDATE_TAG = "spectral_distill.candidate"
PIPELINE = "pipeline"
"""The parent's role."""

_PARENT_TAG = "mlflow.parentRunId"
_SETTLE_S = 1.0
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}  # otherwise the UI shows it as GenAI
_SOURCE_TAGS = {"mlflow.source.name": "spectral-distill", "mlflow.source.type": "PROJECT"}


def task_id(role: str, candidate: str | None, name: str) -> str:
    """Find or create the MLflow run of a task.

    A run that the environment names (`MLFLOW_RUN_ID`) is used as it is. Otherwise it is a nested run below the parent.
    All tasks of a candidate share one, and so do the attempts of a task whose pod was lost.

    Args:
        role: The task's role, such as `teacher` or `candidate`.
        candidate: The candidate's name; None for tasks without one.
        name: Name of a run that has to be created.

    Returns:
        The id of the run.
    """
    identity = {ROLE_TAG: role} if candidate is None else {ROLE_TAG: role, CANDIDATE_TAG: candidate}
    joined = os.environ.get("MLFLOW_RUN_ID")
    if joined:
        for key, value in {RUN_ID_TAG: pipeline_run(), **identity}.items():
            client().set_tag(joined, key, value)
        return joined
    if candidate is not None:
        found = task_runs(role, candidate=candidate)
    else:
        found = [run for run in task_runs(role, name=name) if run.info.status != "FINISHED"]
    return str(found[0].info.run_id) if found else make_nested(parent_id(), name, identity)


def task_runs(role: str, *, candidate: str | None = None, name: str | None = None) -> list[Any]:
    """Find runs of this pipeline run.

    Args:
        role: Their role.
        candidate: Only those of this candidate.
        name: Only those with this name.

    Returns:
        MLflow runs, oldest first.
    """
    wanted = [f"tags.`{RUN_ID_TAG}` = '{pipeline_run()}'", f"tags.`{ROLE_TAG}` = '{role}'"]
    if candidate is not None:
        wanted.append(f"tags.`{CANDIDATE_TAG}` = '{candidate}'")
    if name is not None:
        wanted.append(f"attributes.run_name = '{name}'")
    return _search(" and ".join(wanted))


def make_nested(parent: str, name: str, tags: Mapping[str, str]) -> str:
    """Create a nested run.

    Args:
        parent: Id of the parent.
        name: Name of the new run.
        tags: Its tags.

    Returns:
        The id of the new run.
    """
    return str(_make(name, {_PARENT_TAG: parent, **tags}).info.run_id)


def parent_id() -> str:
    """Find or create the parent: the run of the whole pipeline run.

    Returns:
        Its id.
    """
    joined = os.environ.get("MLFLOW_RUN_ID")
    return _root(joined) if joined else _elected_parent()


def children_of(pipeline_run: str, parent: str) -> list[Any]:
    """Find the nested runs that this project's steps use.

    Runs that KFP's plugin creates for loops are left out: the plugin ends them.

    Args:
        pipeline_run: KFP's run id.
        parent: Id of the parent, which is left out.

    Returns:
        MLflow runs, oldest first.
    """
    runs = _search(f"tags.`{RUN_ID_TAG}` = '{pipeline_run}'")
    return [run for run in runs if ROLE_TAG in run.data.tags and run.info.run_id != parent]


def parents(condition: str) -> list[Any]:
    """Find parents of any pipeline run.

    Args:
        condition: Further condition in MLflow's filter syntax.

    Returns:
        MLflow runs, newest first.
    """
    return _search(f"tags.`{ROLE_TAG}` = '{PIPELINE}' and {condition}", order="DESC")


def pipeline_run() -> str:
    """Return KFP's run id from the environment, or `local`."""
    return os.environ.get("KFP_RUN_ID", "local")


def experiment_name() -> str:
    """Return the name of the MLflow experiment from the environment, or the default."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME", DEFAULT_EXPERIMENT)


def find_experiment() -> str | None:
    """Find the experiment in use.

    Returns:
        Its id, or None if nothing was tracked in it yet.
    """
    if os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return os.environ["MLFLOW_EXPERIMENT_ID"]
    if os.environ.get("MLFLOW_RUN_ID"):
        return str(client().get_run(os.environ["MLFLOW_RUN_ID"]).info.experiment_id)
    found = client().get_experiment_by_name(experiment_name())
    return None if found is None else str(found.experiment_id)


def page(run: Any) -> str:
    """Return a run's page, relative to MLflow's user interface.

    Args:
        run: The MLflow run.

    Returns:
        The fragment, such as `#/experiments/1/runs/abc`.
    """
    return f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"


def url(run: Any) -> str:
    """Return a run's page at the tracking server, at the address that the steps use.

    Args:
        run: The MLflow run.

    Returns:
        The URL; empty without a server.
    """
    server = address()
    return f"{server.rstrip('/')}/{page(run)}" if server.startswith("http") else ""


def _root(run_id: str) -> str:
    """Find the outermost run around a run: KFP's plugin also creates runs for loops."""
    while above := client().get_run(run_id).data.tags.get(_PARENT_TAG):
        run_id = above
    return run_id


def _elected_parent() -> str:
    """Find or create one parent, although several tasks may start at once and create one each."""
    # Whoever sees a new parent looks again after all of them have become visible. The oldest one stays; the creator of
    # another one deletes it.
    made = None
    oldest = _oldest_parent()
    if oldest is None:
        oldest = made = _make(f"pipeline {pipeline_run()}", {ROLE_TAG: PIPELINE})
    if 1000 * time.time() - oldest.info.start_time < 1000 * _SETTLE_S:
        time.sleep(_SETTLE_S)
        oldest = _oldest_parent() or oldest
    if made is not None and made.info.run_id != oldest.info.run_id:
        client().delete_run(made.info.run_id)
    return str(oldest.info.run_id)


def _oldest_parent() -> Any | None:
    found = _search(f"tags.`{RUN_ID_TAG}` = '{pipeline_run()}' and tags.`{ROLE_TAG}` = '{PIPELINE}'")
    return found[0] if found else None


def _experiment_id() -> str:
    from mlflow.exceptions import MlflowException

    found = find_experiment()
    if found is not None:
        return found
    try:
        return str(client().create_experiment(experiment_name(), _local_artifacts(), tags=_EXPERIMENT_TAGS))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return str(client().get_experiment_by_name(experiment_name()).experiment_id)  # another task has created it


def _local_artifacts() -> str | None:
    """Return the artifact folder beside a SQLite store; a server knows its own location."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri.startswith("sqlite:"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).resolve().parent / "mlartifacts").as_uri()


def _search(condition: str, order: str = "ASC") -> list[Any]:
    return list(
        client().search_runs(
            [_experiment_id()], condition, order_by=[f"attributes.start_time {order}"], max_results=1000
        )
    )


def _make(name: str, tags: Mapping[str, str]) -> Any:
    return client().create_run(
        _experiment_id(), run_name=name, tags={RUN_ID_TAG: pipeline_run(), **_SOURCE_TAGS, **tags}
    )
