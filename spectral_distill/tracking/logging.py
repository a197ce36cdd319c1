"""Logging into one MLflow run. Logging never fails a step: entries that the server does not accept are held back."""

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from spectral_distill.core.errors import UserError
from spectral_distill.core.progress import emit
from spectral_distill.core.waiting import patiently
from spectral_distill.tracking.server import client, server_errors

_PARAMETER_PREFIX = "hp."
_PARAMETERS_BATCH, _METRICS_BATCH = 100, 1000  # MLflow's limits for one request
_DATASET_DIGEST = 36


@dataclass(frozen=True)
class _Entry:
    """One thing to log: its content, and how it is sent."""

    content: Mapping[str, Any]
    send: Callable[[str], None]


class Run:
    """One MLflow run to log into; every method does nothing when tracking is off.

    Logging never fails a step. Once a server in trouble does not accept an entry, this and all later entries are held
    back, in order and with their own timestamps, until `close` sends them. Entries that MLflow has not accepted by then
    are logged as an `unlogged` event: a line of the run's events file, or of the pod's log.

    Args:
        run_id: Id of the MLflow run; None when tracking is off.
    """

    def __init__(self, run_id: str | None):
        self.run_id = run_id
        self._held: list[_Entry] = []
        self._lost: list[_Entry] = []
        self._in_trouble = False

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Log settings, with the prefix `hp.` (KFP's plugin uses the bare names).

        MLflow's parameters cannot change, so those that the run already has are skipped.

        Args:
            values: Values by setting.
        """
        named = {_PARAMETER_PREFIX + key: str(value) for key, value in values.items()}
        self._log({"parameters": named}, partial(_send_parameters, named))

    def metrics(self, values: Mapping[str, float | None], step: int = 0) -> None:
        """Log metrics of one step.

        Args:
            values: Values by metric. None, NaN and infinity are left out.
            step: MLflow's step, such as the epoch.
        """
        self.curves([(step, values)])

    def curves(self, points: Iterable[tuple[int, Mapping[str, float | None]]]) -> None:
        """Log metrics of several steps in one request.

        Args:
            points: Steps, each with its values by metric. None, NaN and infinity are left out.
        """
        finite = [{"step": step, "values": _finite(values)} for step, values in points]
        logged = [point for point in finite if point["values"]]
        if logged:
            now = _now_ms()
            self._log({"metrics": logged, "at": now}, partial(_send_metrics, logged, now))

    def tags(self, values: Mapping[str, Any]) -> None:
        """Set tags.

        Args:
            values: Values by tag; they are stored as text.
        """
        tags = {key: str(value) for key, value in values.items()}
        self._log({"tags": tags}, partial(_send_tags, tags))

    def file(self, path: str | Path) -> None:
        """Log a file as an artifact of the run.

        Args:
            path: The local file.
        """
        self._log({"file": str(path)}, partial(_send_file, str(path)))

    def description(self, markdown: str) -> None:
        """Set the description that MLflow shows below the run's name.

        Args:
            markdown: The text.
        """
        self.tags({"mlflow.note.content": markdown})

    def dataset(self, source: str, version: str) -> None:
        """Log the dataset that the run used.

        Args:
            source: Its URI.
            version: Its version; MLflow gets the first 36 characters of the digest in it.
        """
        digest = version.rpartition(":")[2][:_DATASET_DIGEST]  # MLflow's maximum length
        self._log({"dataset": source, "digest": digest}, partial(_send_dataset, source, digest))

    def end(self, status: str) -> None:
        """End the run now.

        Args:
            status: MLflow's `FINISHED`, `FAILED` or `KILLED`.
        """
        now = _now_ms()
        self._log({"status": status, "at": now}, partial(_send_end, status, now))

    def close(self, *, patient: bool = True) -> None:
        """Send the entries that were held back, and report those that MLflow still does not accept.

        Args:
            patient: Retry while the server is unavailable (see `waiting`), instead of trying once.
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
            emit("note", message=f"MLflow lacks {len(missing)} entries of this step; the log holds them as `unlogged`")
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
            emit("note", message=f"{error}; this step continues")

    def _send(self) -> None:
        """Send the held entries in order. `UserError` at the first one for which the server is unavailable."""
        while self._held:
            try:
                with server_errors():
                    self._held[0].send(str(self.run_id))
            except UserError:
                raise
            except Exception as error:  # refused; artifact stores are plugins, each with errors of its own
                emit("note", message=f"MLflow refuses an entry: {type(error).__name__}: {error}"[:300])
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
