"""Earlier pipeline runs in MLflow: their students and teacher, and the newest run with the same inputs."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from spectral_distill.tracking import mlflow_runs, registry
from spectral_distill.tracking.ending import FINISHED_TAG, UNCHANGED_TAG
from spectral_distill.tracking.server import ask, client, is_on

DIGEST_TAG = "spectral_distill.digest"
"""On a parent: the digest of everything that its results depend on."""
MODEL_TAG, VERSION_TAG = "spectral_distill.registered_model", "spectral_distill.version"
"""On a parent: the model and version that it registered."""


@dataclass(frozen=True)
class EarlierRun:
    """A pipeline run whose results are still valid.

    Attributes:
        run_id: Id of its parent in MLflow.
        name: Name in MLflow.
        finished: When it ended (UTC).
        link: Its page at the tracking server; empty without a server.
        page: The same page, relative to MLflow's user interface.
        pipeline_run: KFP's run id.
    """

    run_id: str
    name: str
    finished: datetime
    link: str
    page: str
    pipeline_run: str


def unchanged_since(digest: str) -> EarlierRun | None:
    """Find the newest finished pipeline run with the same digest whose registered version still exists.

    A run that found nothing new does not count: it refers to the run that is returned here.

    Args:
        digest: Digest of everything that the results depend on.

    Returns:
        The earlier run, or None. Always None when tracking is off.

    Raises:
        UserError: The server does not answer.
    """
    if not is_on():
        return None
    found = ask(lambda: mlflow_runs.parents(f"attributes.status = 'FINISHED' and tags.`{DIGEST_TAG}` = '{digest}'"))
    return next((_earlier(run) for run in found if _still_holds(run)), None)


def student_runs(pipeline_run: str | None = None) -> list[Any]:
    """Find the candidates' runs of a pipeline run, best accuracy first.

    Args:
        pipeline_run: KFP's run id; None means the latest pipeline run that has any.

    Returns:
        MLflow runs with the metric `test.accuracy`.

    Raises:
        UserError: The server does not answer.
    """
    runs = [run for run in _runs_of_role("candidate") if "test.accuracy" in run.data.metrics]
    wanted = pipeline_run or (runs[0].data.tags.get(mlflow_runs.RUN_ID_TAG) if runs else None)
    mine = [run for run in runs if run.data.tags.get(mlflow_runs.RUN_ID_TAG) == wanted]
    return sorted(mine, key=lambda run: -run.data.metrics["test.accuracy"])


def teacher_scores(pipeline_run: str) -> dict[str, float] | None:
    """Read the teacher's scores in a pipeline run.

    Args:
        pipeline_run: KFP's run id.

    Returns:
        `accuracy` (a share) and `bytes` (size of the weights), or None if MLflow lacks them.

    Raises:
        UserError: The server does not answer.
    """
    for run in _runs_of_role("teacher"):
        metrics, tags = run.data.metrics, run.data.tags
        if tags.get(mlflow_runs.RUN_ID_TAG) == pipeline_run and {"test.accuracy", "size.bytes"} <= metrics.keys():
            return {"accuracy": metrics["test.accuracy"], "bytes": metrics["size.bytes"]}
    return None


def latest_registered_model() -> str | None:
    """Find the model that the newest pipeline run registered.

    Returns:
        Its name, or None if no run registered a model.

    Raises:
        UserError: The server does not answer.
    """
    found = ask(lambda: mlflow_runs.parents(f"tags.`{MODEL_TAG}` != ''"))
    return found[0].data.tags[MODEL_TAG] if found else None


def _still_holds(run: Any) -> bool:
    tags = run.data.tags
    if FINISHED_TAG not in tags or UNCHANGED_TAG in tags:
        return False
    return registry.has_version(tags.get(MODEL_TAG, ""), int(tags.get(VERSION_TAG, 0)))


def _earlier(run: Any) -> EarlierRun:
    return EarlierRun(
        run_id=run.info.run_id,
        name=run.info.run_name,
        finished=datetime.fromtimestamp(run.info.end_time / 1000, UTC),
        link=mlflow_runs.url(run),
        page=mlflow_runs.page(run),
        pipeline_run=run.data.tags.get(mlflow_runs.RUN_ID_TAG, ""),
    )


def _runs_of_role(role: str) -> list[Any]:
    """Find the runs with a role in all pipeline runs of the experiment, newest first."""

    def search() -> list[Any]:
        experiment = mlflow_runs.find_experiment()
        condition = f"tags.`{mlflow_runs.ROLE_TAG}` = '{role}'"
        order = ["attributes.start_time DESC"]
        return client().search_runs([experiment], condition, max_results=1000, order_by=order) if experiment else []

    return ask(search)
