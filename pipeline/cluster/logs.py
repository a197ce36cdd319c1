"""Logs of a task's pods: from the pods, or from the pipeline root when they are gone."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pipeline.cluster.connection import Connection, Refused, Unreachable
from pipeline.cluster.log_lines import driver_reason
from pipeline.cluster.stored_logs import StoredLogs
from pipeline.cluster.tasks import Task
from spectral_distill.core.errors import UserError

_API_ROUTE = "/apis/v1alpha1/runs/{run}/nodes/{pod}/log"
_UI_ROUTE = "/k8s/pod/logs"
_NO_SUCH_POD = (404, 500)
_API_FAILURE = {"error_message", "error_details"}
_FOLLOW_PAUSE_S = 3.0


@dataclass
class Logs:
    """The logs of one run.

    A pod's log has two addresses: a route of the API server outside its published API, and one of the UI's server,
    which forwards only the routes that it knows. The first answer shows which of the two servers the endpoint is.

    Attributes:
        connection: The connection to KFP.
        run_id: Id of the run.
    """

    connection: Connection
    run_id: str
    _through_ui: bool = False
    _stored: StoredLogs = field(init=False)

    def __post_init__(self) -> None:
        self._stored = StoredLogs(self.connection, self.run_id)

    def of(self, task: Task) -> list[str]:
        """Read the log of a task.

        Args:
            task: The task.

        Returns:
            The lines of its container in all attempts; those of its driver if that failed.

        Raises:
            UserError: There is no log, or it cannot be read.
        """
        pods = task.driver_pods if task.failed_in_driver else task.pods
        texts = [text for pod in pods if (text := self._read(pod, task)) is not None]
        if not texts:
            raise UserError(f"task {task.label} of run {self.run_id}: {self._why_none(task)}")
        return [line for text in texts for line in text.splitlines()]

    def following(self, find: Callable[[], tuple[Task, bool]]) -> Iterator[str]:
        """Read the log of a task until it ends. Neither server streams logs, so the log is polled.

        Args:
            find: Returns the task's present state, and whether it may still print.

        Yields:
            The lines, as they appear.

        Raises:
            UserError: The task has ended and there is no log.
        """
        printed, more = 0, True
        while more:
            task, more = find()
            try:
                lines = self.of(task)
            except UserError:
                if not more:
                    raise
                lines = []
            complete = lines[:-1] if more else lines  # the last line may be incomplete
            yield from complete[printed:]
            printed = max(printed, len(complete))
            if more:
                time.sleep(_FOLLOW_PAUSE_S)

    def reason(self, task: Task) -> str:
        """Find out why a task's driver failed.

        Args:
            task: A task that failed in its driver.

        Returns:
            The driver's error, or why its log cannot be read.
        """
        try:
            return driver_reason(self.of(task))
        except (Refused, Unreachable) as error:
            return f"its log cannot be read ({error})"
        except UserError:
            return "its pod is gone, and the log with it"

    def _read(self, pod: str, task: Task) -> str | None:
        """Read a pod's log or its stored copy; None if there is neither."""
        text = None if self._through_ui else self._from_api(pod)
        if self._through_ui:
            text = self._from_ui(pod)
        if text is None and not task.is_at_work and not task.failed_in_driver:  # drivers' are not stored
            text = self._stored.read(pod)
        return text

    def _from_api(self, pod: str) -> str | None:
        try:
            found = self.connection.read(_API_ROUTE, path={"run": self.run_id, "pod": pod})
        except Refused as refusal:
            if refusal.status in _NO_SUCH_POD:
                return None
            raise
        self._through_ui = found.is_page
        return None if found.is_page or _is_failure(found.text) else found.text

    def _from_ui(self, pod: str) -> str | None:
        query = {"podname": pod, "runid": self.run_id, "podnamespace": self.connection.namespace}
        try:
            found = self.connection.read(_UI_ROUTE, query=query)
        except Refused as refusal:
            if refusal.status in _NO_SUCH_POD:
                return None
            raise
        return None if found.is_page or _is_failure(found.text) else found.text

    def _why_none(self, task: Task) -> str:
        if task.failed_in_driver:
            return "failed in its driver, whose pod is gone, and the log with it; the UI may show more"
        if task.state == "CACHED":
            return "found no log, as its results came from the cache; see the run that made them"
        if not task.pods:
            return f"found no log, as it has not started ({task.state.lower().replace('_', ' ')})"
        if task.is_at_work:
            return "found no log yet; try again, or wait for it with --follow"
        return f"its pod is gone, and {self._stored.failure or 'found no copy of its log in the pipeline root'}"


def _is_failure(text: str) -> bool:
    """Check for the API server's error that it cannot read a pod, sent with status 200 (and not a step's JSON)."""
    if not text.startswith('{"error_'):
        return False
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return found.keys() == _API_FAILURE and "Failed to read logs" in found["error_message"]
