"""Reads ML Metadata (MLMD), where KFP 2.17 stores executions and artifacts.

KFP's API does not return artifacts. The UI reads them from MLMD with gRPC-web at the UI's address, and so does this
module. The field numbers are those of `ml_metadata/proto/metadata_store.proto` and `metadata_store_service.proto`.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto  # type: ignore[import-untyped]
from google.protobuf.descriptor_pool import DescriptorPool  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from google.protobuf.message_factory import GetMessageClass  # type: ignore[import-untyped]

from pipeline.cluster.connection import Connection
from spectral_distill.core.errors import UserError

_ROUTE = "/ml_metadata.MetadataStoreService/{method}"
_RUN = "system.PipelineRun"
_PACKAGE = "ml_metadata"
_OUTPUTS = (1, 4)  # DECLARED_OUTPUT, OUTPUT
_DATA, _FRAME = 0, 5
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Value": {"string_value": (3, "string")},
    "Property": {"key": (1, "string"), "value": (2, "Value")},
    "Context": {"id": (1, "int64")},
    "Execution": {"id": (1, "int64"), "custom_properties": (5, "Property*")},
    "Artifact": {"id": (1, "int64"), "uri": (3, "string"), "custom_properties": (5, "Property*")},
    "Step": {"key": (2, "string")},
    "Path": {"steps": (1, "Step*")},
    "Event": {"artifact_id": (1, "int64"), "path": (3, "Path"), "type": (4, "int64")},
    "GetContextByTypeAndNameRequest": {"type_name": (1, "string"), "context_name": (2, "string")},
    "GetContextByTypeAndNameResponse": {"context": (1, "Context")},
    "GetExecutionsByContextRequest": {"context_id": (1, "int64")},
    "GetExecutionsByContextResponse": {"executions": (1, "Execution*")},
    "GetEventsByExecutionIDsRequest": {"execution_ids": (1, "int64*")},
    "GetEventsByExecutionIDsResponse": {"events": (1, "Event*")},
    "GetArtifactsByIDRequest": {"artifact_ids": (1, "int64*")},
    "GetArtifactsByIDResponse": {"artifacts": (1, "Artifact*")},
}


class MetadataStore:
    """MLMD at the UI's address.

    Args:
        connection: The connection to KFP.
    """

    def __init__(self, connection: Connection):
        address = urlsplit(connection.ui)
        self._connection, self._host = connection, f"{address.scheme}://{address.netloc}"

    def executions(self, run_id: str) -> list[Any]:
        """List the executions of a run: drivers of groups and tasks.

        Args:
            run_id: Id of the run.

        Returns:
            MLMD's executions.

        Raises:
            UserError: MLMD does not answer.
        """
        found = self._ask("GetContextByTypeAndName", type_name=_RUN, context_name=run_id)
        return list(self._ask("GetExecutionsByContext", context_id=found.context.id).executions)

    def outputs(self, execution_id: int, name: str) -> list[Any]:
        """List the output artifacts of an execution that have a name.

        Args:
            execution_id: Id of the execution.
            name: Name of the output.

        Returns:
            MLMD's artifacts, sorted by URI.

        Raises:
            UserError: MLMD does not answer.
        """
        events = self._ask("GetEventsByExecutionIDs", execution_ids=[execution_id]).events
        ids = [one.artifact_id for one in events if one.type in _OUTPUTS and name in (s.key for s in one.path.steps)]
        found = self._ask("GetArtifactsByID", artifact_ids=ids).artifacts if ids else []
        return sorted(found, key=lambda artifact: artifact.uri)

    def _ask(self, method: str, **request: Any) -> Any:
        message = MESSAGES[f"{method}Request"](**request).SerializeToString()
        framed = bytes([_DATA]) + len(message).to_bytes(4, "big") + message
        found = self._connection.read(_ROUTE, host=self._host, path={"method": method}, message=framed)
        try:
            if found.is_page:
                raise DecodeError("a page")
            return MESSAGES[f"{method}Response"].FromString(_data(found.body))
        except DecodeError as error:
            raise UserError(f"ML Metadata at {self._host}: found no gRPC-web answer ({error})") from error


def texts(properties: Iterable[Any]) -> dict[str, str]:
    """Select the text properties of an execution or an artifact.

    Args:
        properties: Its properties.

    Returns:
        Values by name.
    """
    return {one.key: one.value.string_value for one in properties if one.value.string_value}


def _data(body: bytes) -> bytes:
    """Extract the message of a gRPC-web answer: the data frames, without the trailer."""
    found = b""
    while body:
        kind, end = body[0], _FRAME + int.from_bytes(body[1:_FRAME], "big")
        found += body[_FRAME:end] if kind == _DATA else b""
        body = body[end:]
    return found


def _message_classes() -> dict[str, Any]:
    file = FileDescriptorProto(name="metadata_store.proto", package=_PACKAGE)
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            plain = kind.rstrip("*")
            made = message.field.add(name=field, number=number)
            made.label = FieldDescriptorProto.LABEL_REPEATED if kind != plain else FieldDescriptorProto.LABEL_OPTIONAL
            made.type = getattr(FieldDescriptorProto, f"TYPE_{plain.upper()}", FieldDescriptorProto.TYPE_MESSAGE)
            if made.type == FieldDescriptorProto.TYPE_MESSAGE:
                made.type_name = f".{_PACKAGE}.{plain}"
    pool = DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES}


MESSAGES = _message_classes()
"""Message classes by name."""
