"""The log that KFP keeps of a task in the pipeline root, for when its pod is gone (an hour after the run's end).

The launcher stores it as the artifact `executor-logs` of the task's execution, one for each attempt. The UI's server
reads it for the browser; the API server has no way to it.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from components.foundation.errors import UserError
from pipeline.cluster.connection import Connection, Refused
from pipeline.cluster.metadata_store import MetadataStore, texts

_ARTIFACT = "executor-logs"
_ROUTE = "/artifacts/get"
_NO_SUCH_ROUTE = 404
_SOURCES = {"gs": "gcs"}


@dataclass
class StoredLogs:
    """The stored logs of one run. `failure` says why they cannot be read, when that was tried in vain."""

    connection: Connection
    run_id: str
    failure: str = field(default="", init=False)

    def read(self, pod: str) -> str | None:
        """What the task of this pod printed, or None."""
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
        place = urlsplit(artifact.uri)
        query = {
            "source": _SOURCES.get(place.scheme, place.scheme),
            "bucket": place.netloc,
            "key": place.path.lstrip("/"),
            "namespace": self.connection.namespace,
            "providerInfo": texts(artifact.custom_properties).get("store_session_info"),
        }
        found = self.connection.read(_ROUTE, host=self.connection.ui.rstrip("/"), query=query)
        if found.is_page:
            raise UserError(f"{artifact.uri}: found a page, expected a text")
        return found.text


def _reason(error: UserError) -> str:
    if isinstance(error, Refused) and error.status == _NO_SUCH_ROUTE:
        return "only the UI's server has a way to it; give its address as --endpoint or --ui-endpoint"
    return str(error)
