"""The driver's type check, done on the compiled pipeline: what flows into an input has the input's type.

The backend's driver checks it when it resolves a task's inputs: pipeline inputs, outputs of tasks, loop items,
constants, artifacts and lists of artifacts. kfp.local checks none of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_STATUS = "TASK_FINAL_STATUS"
_ITEM = {"STRUCT": dict, "STRING": str, "NUMBER_INTEGER": int, "NUMBER_DOUBLE": float, "BOOLEAN": bool, "LIST": list}


@dataclass(frozen=True)
class ArtifactType:
    schema: str
    is_list: bool


def mismatches(spec: dict[str, Any]) -> list[str]:
    """One line for each binding whose source has another type than its input, or is missing."""
    graphs = {"root": spec["root"], **spec["components"]}
    return [
        line
        for graph_name, graph in graphs.items()
        for task_name, task in graph.get("dag", {}).get("tasks", {}).items()
        for line in _of_task(spec, graph_name, graph, task_name, task)
    ]


def _of_task(
    spec: dict[str, Any], graph_name: str, graph: dict[str, Any], name: str, task: dict[str, Any]
) -> Iterator[str]:
    component = spec["components"][task["componentRef"]["name"]]
    wanted = component.get("inputDefinitions", {})
    bound = task.get("inputs", {})
    where = f"{graph_name}/{name}"
    for argument, definition in wanted.get("parameters", {}).items():
        expected = definition["parameterType"]
        binding = bound.get("parameters", {}).get(argument)
        if argument == task.get("parameterIterator", {}).get("itemInput"):
            found = _item_type(spec, graph, task)
        elif binding is None:
            found = expected if definition.get("isOptional") else "nothing"
        else:
            found = _parameter_type(spec, graph, binding, expected)
        if found != expected:
            yield f"{where}: parameter {argument}: expected {expected}, found {found}"
    for argument, definition in wanted.get("artifacts", {}).items():
        expected_artifact = _artifact(definition)
        binding = bound.get("artifacts", {}).get(argument)
        found_artifact = _artifact_source(spec, graph, binding) if binding else None
        if not _fits(found_artifact, expected_artifact):
            yield f"{where}: artifact {argument}: expected {expected_artifact}, found {found_artifact}"


def _parameter_type(spec: dict[str, Any], graph: dict[str, Any], binding: dict[str, Any], expected: str) -> str:
    if "componentInputParameter" in binding:
        return (
            graph["inputDefinitions"]["parameters"]
            .get(binding["componentInputParameter"], {})
            .get("parameterType", "nothing")
        )
    if "taskOutputParameter" in binding:
        source = binding["taskOutputParameter"]
        producer = graph["dag"]["tasks"].get(source["producerTask"], {})
        component = spec["components"].get(producer.get("componentRef", {}).get("name"), {})
        outputs = component.get("outputDefinitions", {}).get("parameters", {})
        return outputs.get(source["outputParameterKey"], {}).get("parameterType", "nothing")
    if "taskFinalStatus" in binding:
        return _STATUS
    constant = binding["runtimeValue"]["constant"]
    fits = isinstance(constant, _ITEM[expected]) and not (expected != "BOOLEAN" and isinstance(constant, bool))
    return expected if fits else type(constant).__name__


def _item_type(spec: dict[str, Any], graph: dict[str, Any], task: dict[str, Any]) -> str:
    """The type that each item of a loop has: of raw items or of the default of the pipeline's input behind it."""
    items = task["parameterIterator"]["items"]
    values = items["raw"] if "raw" in items else _default(spec, graph, task, items["inputParameter"])
    kinds = {next(name for name, kind in _ITEM.items() if isinstance(value, kind)) for value in values}
    return kinds.pop() if len(kinds) == 1 else f"items of {sorted(kinds) or 'no'} types"


def _default(spec: dict[str, Any], graph: dict[str, Any], task: dict[str, Any], name: str) -> list[Any]:
    """The list that a loop runs over, traced from group to group to the pipeline's input."""
    binding = task.get("inputs", {}).get("parameters", {}).get(name, {"componentInputParameter": name})
    while graph is not spec["root"]:
        argument = binding["componentInputParameter"]
        graph, task = _caller(spec, graph)
        binding = task["inputs"]["parameters"][argument]
    return spec["root"]["inputDefinitions"]["parameters"][binding["componentInputParameter"]]["defaultValue"]


def _caller(spec: dict[str, Any], graph: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The graph and the task in it that runs a group."""
    for outer in (spec["root"], *spec["components"].values()):
        for task in outer.get("dag", {}).get("tasks", {}).values():
            if spec["components"][task["componentRef"]["name"]] is graph:
                return outer, task
    raise AssertionError("a group that no task runs")


def _artifact(definition: dict[str, Any]) -> ArtifactType:
    return ArtifactType(definition["artifactType"]["schemaTitle"], bool(definition.get("isArtifactList")))


def _artifact_source(spec: dict[str, Any], graph: dict[str, Any], binding: dict[str, Any]) -> ArtifactType | None:
    if "componentInputArtifact" in binding:
        definition = graph["inputDefinitions"]["artifacts"].get(binding["componentInputArtifact"])
    else:
        source = binding["taskOutputArtifact"]
        producer = graph["dag"]["tasks"].get(source["producerTask"], {})
        component = spec["components"].get(producer.get("componentRef", {}).get("name"), {})
        definition = component.get("outputDefinitions", {}).get("artifacts", {}).get(source["outputArtifactKey"])
    return _artifact(definition) if definition else None


def _fits(found: ArtifactType | None, expected: ArtifactType) -> bool:
    """A plain Artifact takes every type."""
    return (
        found is not None and found.is_list == expected.is_list and expected.schema in (found.schema, "system.Artifact")
    )
