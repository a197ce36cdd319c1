"""The copy of a task's log in KFP's pipeline root, for when its pod is gone (an hour after the run's end).

The launcher stores it as the artifact `executor-logs` of the task's execution, one for each attempt. Only the UI's
server can read it; the API server has no route to it.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from pipeline.cluster.connection import Connection, Refused
from pipeline.cluster.metadata_store import MetadataStore, texts
from spectral_distill.core.errors import UserError

_ARTIFACT = "executor-logs"
_ROUTE = "/artifacts/get"
_NO_SUCH_ROUTE = 404
_SOURCES = {"gs": "gcs"}


@dataclass
class StoredLogs:
    """The stored logs of one run.

    Attributes:
        connection: The connection to KFP.
        run_id: Id of the run.
        failure: Why they cannot be read, after a failed attempt; otherwise empty.
    """

    connection: Connection
    run_id: str
    failure: str = field(default="", init=False)

    def read(self, pod: str) -> str | None:
        """Read the stored log of a pod's task.

        Args:
            pod: Name of the pod.

        Returns:
            The log of all attempts, or None if there is no copy or it cannot be read (see `failure`).
        """
        if self.failure:
            return None
        try:
            execution = self._executions.get(pod)
            found = self._store.outputs(execution.id, _ARTIFACT) if execution is not None else []
            return "".join(self._content(artifact) for artifact in found) if found else None
        except UserError as error:
            self.failure = f"the copy of its log in the pipeline root cannot be read ({_reason(error)})"
            return None

    @cached_property
    def _store(self) -> MetadataStore:
        return MetadataStore(self.connection)

    @cached_property
    def _executions(self) -> dict[str, Any]:
        return {texts(one.custom_properties).get("pod_name", ""): one for one in self._store.executions(self.run_id)}

    def _content(self, artifact: Any) -> str:
        location = urlsplit(artifact.uri)
        query = {
            "source": _SOURCES.get(location.scheme, location.scheme),
            "bucket": location.netloc,
            "key": location.path.lstrip("/"),
            "namespace": self.connection.namespace,
            "providerInfo": texts(artifact.custom_properties).get("store_session_info"),
        }
        found = self.connection.read(_ROUTE, host=self.connection.ui.rstrip("/"), query=query)
        if found.is_page:
            raise UserError(f"{artifact.uri}: found a page, expected a text")
        return found.text


def _reason(error: UserError) -> str:
    if isinstance(error, Refused) and error.status == _NO_SUCH_ROUTE:
        return "only the UI's server can read it; give its address as --endpoint or --ui-endpoint"
    return str(error)
