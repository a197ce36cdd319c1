"""What a task's container printed.

The API server streams the log of a pod (a route beside its published API) but does not tell a task's pod: it names the
nodes of the Argo workflow below the task. Argo makes both names alike: a node is `<workflow>-<hash>`, its pod
`<workflow>-<template>-<hash>`, the hash being 32-bit FNV-1a over the node's path. A task with a retry policy has one
more node for each attempt, whose path is the task node's path and `(0)`, `(1)`, ...
"""

from collections.abc import Iterator
from typing import Any

from components.foundation.errors import UserError
from pipeline.cluster.connection import Connection, Refused
from pipeline.cluster.runs import Task

_ROUTE = "/apis/v1alpha1/runs/{run_id}/nodes/{node_id}/log"
_TEMPLATE = "system-container-impl"
_FNV_PRIME = 16777619
_NO_SUCH_POD = (404, 500)  # the route answers 500 to every failure but a lack of rights


def log_lines(connection: Connection, run_id: str, task: Task) -> Iterator[str]:
    """The lines that a task's container printed, those of every attempt. Raises UserError where no pod can be read."""
    pods = [pod for node in task.nodes for pod in _readable(connection, run_id, node)]
    if not pods:
        raise UserError(
            f"task {task.name} of run {run_id}: found no log that the server can read (no pod any more, none because "
            "of the cache, or one with labels of its own); look with `kubectl logs --container main --prefix "
            f"--selector pipeline/runid={run_id}`, or in the UI"
        )
    for pod in pods:
        for line in pod:
            yield line.decode("utf-8", errors="replace").rstrip("\n")


def _readable(connection: Connection, run_id: str, node: str) -> list[Any]:
    """The open logs of a node's pod, or of all its attempts."""
    workflow, _, digest = node.rpartition("-")
    plain = _open(connection, run_id, f"{workflow}-{_TEMPLATE}-{digest}")
    if plain is not None:
        return [plain]
    attempts: list[Any] = []
    while True:
        path = f"({len(attempts)})".encode()
        log = _open(connection, run_id, f"{workflow}-retry-{_TEMPLATE}-{_fnv(int(digest), path)}")
        if log is None:
            return attempts
        attempts.append(log)


def _fnv(digest: int, more: bytes) -> int:
    """32-bit FNV-1a, carried on from the digest of what came before."""
    for byte in more:
        digest = (digest ^ byte) * _FNV_PRIME % 2**32
    return digest


def _open(connection: Connection, run_id: str, pod: str) -> Any | None:
    """A pod's log as a stream of lines, or None where the server has no such pod."""
    try:
        return connection.client.runs.api_client.call_api(
            _ROUTE,
            "GET",
            path_params={"run_id": run_id, "node_id": pod},
            auth_settings=["Bearer"],
            _preload_content=False,
            _return_http_data_only=True,
        )
    except Refused as refusal:
        if refusal.status in _NO_SUCH_POD:
            return None
        raise
