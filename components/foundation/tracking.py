"""MLflow runs: one parent run for a pipeline run, a nested run for each task or candidate.

Three situations, told apart by the environment:

- MLFLOW_RUN_ID is set (KFP's MLflow plugin, or a user): that run is the task's own; it is joined, and the parent is
  the run that it is nested in.
- MLFLOW_TRACKING_URI is set: the parent is the run tagged `kfp.pipeline_run_id` = KFP_RUN_ID (the first task
  makes it, the oldest wins) in experiment MLFLOW_EXPERIMENT_NAME; each task is a nested run below it.
- Neither: nothing is tracked.

A step begins only when MLflow answers, and ends without it: see `Run`.
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from components.foundation import mlflow_runs
from components.foundation.code_version import code_version
from components.foundation.errors import UserError
from components.foundation.image import image_in_use
from components.foundation.mlflow_server import client, is_on, server_errors
from components.foundation.progress import emit

_PARAMETER_PREFIX = "hp."
_PARAMETERS_BATCH, _METRICS_BATCH = 100, 1000  # what MLflow takes at once
_DATASET_DIGEST = 36


@dataclass(frozen=True)
class _Entry:
    """One thing to log: what it says, and how MLflow is told."""

    content: Mapping[str, Any]
    send: Callable[[str], None]


class Run:
    """One MLflow run to log into; every method does nothing where tracking is off.

    Logging stops no step. From the first entry that a server in trouble does not take, entries are held back, in order
    and with their own times, until `close` tries once more. What MLflow has not taken by then is told as an
    `unlogged` event: a line of the run's events file, or of the pod's log.
    """

    def __init__(self, run_id: str | None):
        self.run_id = run_id
        self._held: list[_Entry] = []
        self._lost: list[_Entry] = []
        self._in_trouble = False

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Settings, under the prefix `hp.` (KFP's plugin uses the bare names). Parameters never change in MLflow:
        those that the run has already are left."""
        named = {_PARAMETER_PREFIX + key: str(value) for key, value in values.items()}
        self._log({"parameters": named}, partial(_send_parameters, named))

    def metrics(self, values: Mapping[str, float | None], step: int = 0) -> None:
        """Finite numbers only; None and NaN are left out."""
        self.curves([(step, values)])

    def curves(self, points: Iterable[tuple[int, Mapping[str, float | None]]]) -> None:
        """Metrics of several steps in one message."""
        finite = [{"step": step, "values": _finite(values)} for step, values in points]
        told = [point for point in finite if point["values"]]
        if told:
            now = _now_ms()
            self._log({"metrics": told, "at": now}, partial(_send_metrics, told, now))

    def tags(self, values: Mapping[str, Any]) -> None:
        tags = {key: str(value) for key, value in values.items()}
        self._log({"tags": tags}, partial(_send_tags, tags))

    def file(self, path: str | Path) -> None:
        self._log({"file": str(path)}, partial(_send_file, str(path)))

    def description(self, markdown: str) -> None:
        """What MLflow's page shows below the run's name."""
        self.tags({"mlflow.note.content": markdown})

    def dataset(self, source: str, version: str) -> None:
        """Name the data that the run used."""
        digest = version.rpartition(":")[2][:_DATASET_DIGEST]  # MLflow takes no longer ones
        self._log({"dataset": source, "digest": digest}, partial(_send_dataset, source, digest))

    def end(self, status: str) -> None:
        """With MLflow's `FINISHED` or `FAILED`."""
        now = _now_ms()
        self._log({"status": status, "at": now}, partial(_send_end, status, now))

    def close(self) -> None:
        """Try once more what was held back; tell what MLflow has not taken."""
        self._in_trouble = False
        self._deliver()
        missing = [dict(entry.content) for entry in [*self._lost, *self._held]]
        self._held, self._lost = [], []
        if missing:
            emit("note", message=f"MLflow lacks {len(missing)} entries of this step; the log has them as `unlogged`")
            emit("unlogged", run=self.run_id, entries=missing)

    def _log(self, content: Mapping[str, Any], send: Callable[[str], None]) -> None:
        if self.run_id is not None:
            self._held.append(_Entry(content, send))
            self._deliver()

    def _deliver(self) -> None:
        while self._held and not self._in_trouble:
            try:
                with server_errors():
                    self._held[0].send(str(self.run_id))
            except UserError as error:
                self._in_trouble = True
                emit("note", message=f"{error}; this step goes on")
                return
            except Exception as error:  # refused; artifact stores are plugins, each with errors of its own
                emit("note", message=f"MLflow at work: {type(error).__name__}: {error}"[:300])
                self._lost.append(self._held[0])
            self._held.pop(0)


@contextmanager
def task_run(name: str, *, role: str, candidate: str | None = None) -> Iterator[Run]:
    """The nested run of a task. The tasks of one candidate share one run. It ends FINISHED, or FAILED on an error.

    A server that does not answer when the task begins raises `UserError`: nothing is lost then.
    """
    if not is_on():
        yield Run(None)
        return
    with server_errors():
        run = Run(mlflow_runs.task_id(role, candidate, name))
        client().update_run(run.run_id, status="RUNNING")
    ended = "FAILED"
    try:
        yield run
        ended = "FINISHED"
    finally:
        run.end(ended)
        run.close()


@contextmanager
def parent_run() -> Iterator[Run]:
    """The run of the whole pipeline run, made where it is missing. `UserError` where the server does not answer."""
    if not is_on():
        yield Run(None)
        return
    with server_errors():
        run = Run(mlflow_runs.parent_id())
    yield run
    run.close()


def log_origin(sources: Mapping[str, str], versions: Mapping[str, str]) -> None:
    """Tell the pipeline run where it starts from: what stands where, and its version; empty sources are not told."""
    given = [name for name, uri in sources.items() if uri]
    with parent_run() as run:
        run.parameters({name: sources[name] for name in given})
        run.dataset(sources["data"], versions["data"])
        run.tags(
            {
                **{f"spectral_distill.{name}_version": versions[name][:4000] for name in given},
                "spectral_distill.code_version": code_version(),
                "spectral_distill.image": image_in_use(),
            }
        )


def close_parent(status: str) -> None:
    """End the parent with MLflow's `FINISHED` or `FAILED`. A server that is down then is told in a note only."""
    try:
        with parent_run() as run:
            run.end(status)
    except UserError as error:
        emit("note", message=f"{error}; the pipeline run {mlflow_runs.pipeline_run()} stays open there")


def student_runs(pipeline_run: str | None = None) -> list[Any]:
    """Candidates' runs, best accuracy first: of the named pipeline run, otherwise of the latest that has any."""
    with server_errors():
        experiment = client().get_experiment_by_name(mlflow_runs.experiment_name())
        if experiment is None:
            return []
        runs = client().search_runs(
            [experiment.experiment_id],
            f"tags.`{mlflow_runs.ROLE_TAG}` = 'candidate'",
            max_results=1000,
            order_by=["attributes.start_time DESC"],
        )
    runs = [run for run in runs if "test.accuracy" in run.data.metrics]
    wanted = pipeline_run or (runs[0].data.tags.get(mlflow_runs.RUN_ID_TAG) if runs else None)
    mine = [run for run in runs if run.data.tags.get(mlflow_runs.RUN_ID_TAG) == wanted]
    return sorted(mine, key=lambda run: -run.data.metrics["test.accuracy"])


def _send_parameters(values: Mapping[str, str], run_id: str) -> None:
    from mlflow.entities import Param

    known = client().get_run(run_id).data.params
    fresh = [Param(key, value) for key, value in values.items() if key not in known]
    for start in range(0, len(fresh), _PARAMETERS_BATCH):
        client().log_batch(run_id, params=fresh[start : start + _PARAMETERS_BATCH])


def _send_metrics(points: Sequence[Mapping[str, Any]], at: int, run_id: str) -> None:
    from mlflow.entities import Metric

    metrics = [Metric(key, value, at, point["step"]) for point in points for key, value in point["values"].items()]
    for start in range(0, len(metrics), _METRICS_BATCH):
        client().log_batch(run_id, metrics=metrics[start : start + _METRICS_BATCH])


def _send_tags(values: Mapping[str, str], run_id: str) -> None:
    for key, value in values.items():
        client().set_tag(run_id, key, value)


def _send_file(path: str, run_id: str) -> None:
    client().log_artifact(run_id, path)


def _send_dataset(source: str, digest: str, run_id: str) -> None:
    from mlflow.entities import Dataset, DatasetInput

    name = source.rstrip("/").rpartition("/")[2]
    dataset = Dataset(name, digest, "local" if "://" not in source else "uri", json.dumps({"uri": source}))
    client().log_inputs(run_id, [DatasetInput(dataset)])


def _send_end(status: str, at: int, run_id: str) -> None:
    client().set_terminated(run_id, status, at)


def _finite(values: Mapping[str, float | None]) -> dict[str, float]:
    return {key: float(value) for key, value in values.items() if value is not None and math.isfinite(value)}


def _now_ms() -> int:
    return int(time.time() * 1000)
