"""How large the status of a run's Argo Workflow grows, computed from the compiled pipeline.

Argo keeps the nodes readable below 1 MiB; above it compresses them, and KFP's API no longer updates the tasks. A task
that runs has a driver and a pod, each with nodes for its retries. The driver's `pod-spec-patch` lies in six nodes, its
inputs in two (Argo Workflow of a real run, KFP 2.17). The patch is JSON in JSON in JSON: quotation marks multiply.
For the pipeline of 0.1 and three candidates this estimate gives 1.21 MB; a real run had 1.24 MB in 124 nodes.
"""

import json
from typing import Any

from tests.pipeline.compiled import Compiled

MIB = 1 << 20
_PATCHES, _INPUTS, _GROUP_INPUTS = 6, 2, 2
_NODE_BYTES = 850  # id, names, times, messages and children of a node, from 1.24 MB in 124 nodes
_NODES_OF_A_TASK, _NODES_OF_A_GROUP, _NODES_OF_AN_ITERATION = 6, 4, 8
_LAUNCHER_BYTES = 620  # its options besides the two that are computed
_RUN_ID = "82d2cd73-ac05-40a7-bcc6-c8e097468bc7"
_URI = f"minio://mlpipeline/v2/artifacts/spectral-distill/{_RUN_ID}/a-task-of-the-run/{_RUN_ID}/artifact"
_SESSION = json.dumps({"Provider": "minio", "Params": {
    "accessKeyKey": "accesskey", "disableSSL": "true", "endpoint": "seaweedfs.kubeflow:9000", "fromEnv": "false",
    "maxRetries": "5", "region": "minio", "secretKeyKey": "secretkey", "secretName": "mlpipeline-minio-artifact",
}})  # fmt: skip
_STRUCT = {"a_setting_of_the_step": 1.25, "another": "value", "candidates": 3, "versions": "sha256:" + 32 * "ab"}


def status_bytes(compiled: Compiled, candidates: int) -> int:
    """Bytes of the nodes of a run in which nothing comes from the cache."""
    graphs = {"root": compiled.spec["root"], **compiled.spec["components"]}
    total = 0
    for name, graph in graphs.items():
        for task in graph.get("dag", {}).get("tasks", {}).values():
            times = candidates if name.startswith("comp-for-loop") else 1
            total += times * _task_bytes(compiled, task, candidates)
    return total


def _task_bytes(compiled: Compiled, task: dict[str, Any], candidates: int) -> int:
    component = compiled.spec["components"][task["componentRef"]["name"]]
    inputs = _escaped(_json(component)) + _escaped(_json(task))
    if "executorLabel" not in component:
        loops = candidates if "parameterIterator" in task else 0
        nodes = _NODES_OF_A_GROUP + loops * _NODES_OF_AN_ITERATION
        return _GROUP_INPUTS * inputs * (1 + loops) + nodes * _NODE_BYTES
    step = component["executorLabel"].removeprefix("exec-")
    inputs += _escaped(_json(compiled.containers[step])) + _escaped(_json(compiled.pods[step]))
    patch = _escaped(_patch(compiled, step, candidates))
    return _PATCHES * patch + _INPUTS * inputs + _NODES_OF_A_TASK * _NODE_BYTES


def _patch(compiled: Compiled, step: str, candidates: int) -> str:
    component, container = compiled.spec["components"][f"comp-{step}"], compiled.containers[step]
    launcher = ["--executor_input", _executor_input(component, candidates), "--component_spec", _json(component)]
    return _json(
        {
            "volumes": [],
            "containers": [
                {
                    "image": container["image"],
                    "command": [*launcher, _LAUNCHER_BYTES * "x"],
                    "args": [*container["command"], *container["args"]],
                    "env": [*container.get("env", []), *_variables(compiled.pods[step])],
                    "rest": compiled.pods[step]["securityContext"],
                }
            ],
        }
    )


def _variables(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Those from single keys of Secrets and ConfigMaps, and from fields of the pod."""
    keys = [
        {"name": key["envVar"], "valueFrom": {"secretKeyRef": {"name": name, "key": key["envVar"], "optional": True}}}
        for source in (*pod.get("secretAsEnv", []), *pod.get("configMapAsEnv", []))
        for name in (source.get("secretName") or source["configMapName"],)
        for key in source["keyToEnv"]
    ]
    fields = [
        {"name": field["name"], "valueFrom": {"fieldRef": {"fieldPath": field["fieldPath"]}}}
        for field in pod.get("fieldPathAsEnv", [])
    ]
    return keys + fields


def _executor_input(component: dict[str, Any], candidates: int) -> str:
    inputs, outputs = component.get("inputDefinitions", {}), component.get("outputDefinitions", {})
    given = {
        name: {"artifacts": [_input_artifact()] * (candidates if about.get("isArtifactList") else 1)}
        for name, about in inputs.get("artifacts", {}).items()
    }
    values = {
        name: _STRUCT if about["parameterType"] in ("STRUCT", "LIST") else "a value"
        for name, about in inputs.get("parameters", {}).items()
    }
    made = {
        name: {"artifacts": [{"name": name, "type": about.get("artifactType"), "uri": _URI}]}
        for name, about in {**outputs.get("artifacts", {}), "executor-logs": {}}.items()
    }
    told = {name: {"outputFile": f"/tmp/kfp/outputs/{name}"} for name in outputs.get("parameters", {})}
    return _json(
        {
            "inputs": {"artifacts": given, "parameterValues": values},
            "outputs": {"artifacts": made, "parameters": told, "outputFile": _URI},
        }
    )


def _input_artifact() -> dict[str, Any]:
    metadata = {"display_name": "artifact", "store_session_info": _SESSION}
    return {"name": "31", "type": {"instanceSchema": ""}, "uri": _URI, "metadata": metadata}


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _escaped(text: str) -> int:
    return len(json.dumps(text))
