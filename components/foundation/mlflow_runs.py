"""Which MLflow run belongs to whom: the parent of a pipeline run, and its tasks' and candidates' nested ones."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.foundation.mlflow_server import client

DEFAULT_EXPERIMENT = "spectral-distill"
RUN_ID_TAG = "kfp.pipeline_run_id"
ROLE_TAG = "spectral_distill.role"
CANDIDATE_TAG = "spectral_distill.candidate"
_PARENT_TAG = "mlflow.parentRunId"
_SETTLE_S = 1.0
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}  # the UI takes it for GenAI otherwise
_SOURCE_TAGS = {"mlflow.source.name": "spectral-distill", "mlflow.source.type": "PROJECT"}


def task_id(role: str, candidate: str | None, name: str) -> str:
    """The run of a task: the one that was prepared for it, or a nested one; all tasks of a candidate share one."""
    identity = {ROLE_TAG: role} if candidate is None else {ROLE_TAG: role, CANDIDATE_TAG: candidate}
    joined = os.environ.get("MLFLOW_RUN_ID")
    if joined:
        for key, value in {RUN_ID_TAG: pipeline_run(), **identity}.items():
            client().set_tag(joined, key, value)
        return joined
    parent = parent_id()
    found = _oldest(f"tags.`{CANDIDATE_TAG}` = '{candidate}'") if candidate is not None else None
    return str((found or _make(name, {_PARENT_TAG: parent, **identity})).info.run_id)


def parent_id() -> str:
    """The run of the whole pipeline run, made where it is missing."""
    joined = os.environ.get("MLFLOW_RUN_ID")
    return _root(joined) if joined else _elected_parent()


def pipeline_run() -> str:
    return os.environ.get("KFP_RUN_ID", "local")


def experiment_name() -> str:
    return os.environ.get("MLFLOW_EXPERIMENT_NAME", DEFAULT_EXPERIMENT)


def _root(run_id: str) -> str:
    """The outermost run around a run: KFP's plugin nests loops too."""
    while above := client().get_run(run_id).data.tags.get(_PARENT_TAG):
        run_id = above
    return run_id


def _elected_parent() -> str:
    """Tasks that start at once may make a parent each. Whoever sees a new one looks again when all of them can be seen:
    the oldest stays, and who made another one removes it."""
    is_parent = f"tags.`{ROLE_TAG}` = 'pipeline'"
    made = None
    oldest = _oldest(is_parent)
    if oldest is None:
        oldest = made = _make(f"pipeline {pipeline_run()}", {ROLE_TAG: "pipeline"})
    if 1000 * time.time() - oldest.info.start_time < 1000 * _SETTLE_S:
        time.sleep(_SETTLE_S)
        oldest = _oldest(is_parent) or oldest
    if made is not None and made.info.run_id != oldest.info.run_id:
        client().delete_run(made.info.run_id)
    return str(oldest.info.run_id)


def _experiment_id() -> str:
    from mlflow.exceptions import MlflowException

    if os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return os.environ["MLFLOW_EXPERIMENT_ID"]
    found = client().get_experiment_by_name(experiment_name())
    if found is not None:
        return str(found.experiment_id)
    try:
        return str(client().create_experiment(experiment_name(), _local_artifacts(), tags=_EXPERIMENT_TAGS))
    except MlflowException:  # another task made it in the meantime
        return str(client().get_experiment_by_name(experiment_name()).experiment_id)


def _local_artifacts() -> str | None:
    """Beside a SQLite store; a server knows its own place."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri.startswith("sqlite:"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).resolve().parent / "mlartifacts").as_uri()


def _oldest(condition: str) -> Any | None:
    """This pipeline run's oldest MLflow run that meets a condition."""
    runs = client().search_runs(
        [_experiment_id()],
        f"tags.`{RUN_ID_TAG}` = '{pipeline_run()}' and {condition}",
        order_by=["attributes.start_time ASC"],
        max_results=1,
    )
    return runs[0] if runs else None


def _make(name: str, tags: Mapping[str, str]) -> Any:
    return client().create_run(
        _experiment_id(), run_name=name, tags={RUN_ID_TAG: pipeline_run(), **_SOURCE_TAGS, **tags}
    )
