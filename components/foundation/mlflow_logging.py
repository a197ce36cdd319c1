"""Logging into one MLflow run. It stops no step: what a server in trouble does not take is held back."""

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from components.foundation.errors import UserError
from components.foundation.mlflow_server import client, server_errors
from components.foundation.progress import emit
from components.foundation.waiting import patiently

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
    and with their own times, until `close` sends them. What MLflow has not taken by then is told as an `unlogged`
    event: a line of the run's events file, or of the pod's log.
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
        """With MLflow's `FINISHED`, `FAILED` or `KILLED`."""
        now = _now_ms()
        self._log({"status": status, "at": now}, partial(_send_end, status, now))

    def close(self, *, patient: bool = True) -> None:
        """Send what was held back; tell what MLflow has not taken.

        Args:
            patient: Wait for a server that is away (see `waiting`), instead of trying once.
        """
        try:
            if patient:
                patiently(self._send)
            else:
                self._send()
        except UserError:
            self._lost += self._held
        missing = [dict(entry.content) for entry in self._lost]
        self._held, self._lost, self._in_trouble = [], [], False
        if missing:
            emit("note", message=f"MLflow lacks {len(missing)} entries of this step; the log has them as `unlogged`")
            emit("unlogged", run=self.run_id, entries=missing)

    def _log(self, content: Mapping[str, Any], send: Callable[[str], None]) -> None:
        if self.run_id is not None:
            self._held.append(_Entry(content, send))
            if not self._in_trouble:
                self._try_to_send()

    def _try_to_send(self) -> None:
        try:
            self._send()
        except UserError as error:
            self._in_trouble = True
            emit("note", message=f"{error}; this step goes on")

    def _send(self) -> None:
        """Hand over what is held, in order. `UserError` at the first entry that the server is in no state to take."""
        while self._held:
            try:
                with server_errors():
                    self._held[0].send(str(self.run_id))
            except UserError:
                raise
            except Exception as error:  # refused; artifact stores are plugins, each with errors of its own
                emit("note", message=f"MLflow at work: {type(error).__name__}: {error}"[:300])
                self._lost.append(self._held[0])
            self._held.pop(0)


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
