"""The steps of a run in the order of the graph, with the names of their Argo nodes.

KFP's backend compiles a pipeline's IR into an Argo Workflow. The names of its nodes follow from the IR alone: `<task>`
below its group; `(0)` after a name for its first attempt (KFP's installation retries every node whose pod is lost);
`iteration-iterations(<i>:<i>)` for item i of a loop; `<group>.onExit` for the exit task of a group.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from typing import Any

from spectral_distill.core.errors import UserError
from spectral_distill.distillation.candidates import parse_candidate

FIRST = "(0)"
_EXIT_TASK = "ALL_UPSTREAM_TASKS_COMPLETED"


@dataclass(frozen=True)
class Step:
    """A task of the pipeline, or a group of tasks (loop, condition, exit handler, nested pipeline).

    Attributes:
        name: The task's name in the IR.
        node: Name of its Argo node, without the Workflow's name.
        driver: Name of its driver's Argo node, without the Workflow's name.
        item: Items of the loops around it, in words; empty outside of loops.
        is_group: Whether it holds other tasks instead of a container.
        groups: Names of the groups around it, outermost first.
        template: Argo's template of its container, which is part of its pod's name.
    """

    name: str
    node: str
    driver: str
    item: str = ""
    is_group: bool = False
    groups: tuple[str, ...] = ()
    template: str = "system-container-impl"


def steps_of(
    spec: Mapping[str, Any], parameters: Mapping[str, Any], is_there: Callable[[str], bool] = lambda node: False
) -> list[Step]:
    """List the steps of a pipeline in topological order, each group before its content.

    Args:
        spec: The pipeline's IR as the API returns it, optionally with a platform spec.
        parameters: The run's parameters; the pipeline's defaults apply to the others.
        is_there: Returns whether the Workflow has an Argo node of this name. It is called only for loops whose number
            of items does not follow from the parameters.

    Returns:
        The steps; those inside a loop once for each item.
    """
    ir = spec.get("pipeline_spec", spec)
    platforms = spec.get("platform_spec", {}).get("platforms", {})
    executors = platforms.get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {})
    inputs = ir["root"].get("inputDefinitions", {}).get("parameters", {})
    values = {name: definition["defaultValue"] for name, definition in inputs.items() if "defaultValue" in definition}
    root = Step("root", f"{FIRST}.root", f"{FIRST}.root-driver", is_group=True)
    return [root, *_Walk(ir["components"], executors, is_there).below(ir["root"], root, values | dict(parameters))]


@dataclass(frozen=True)
class _Walk:
    components: Mapping[str, Any]
    executors: Mapping[str, Any]
    is_there: Callable[[str], bool]

    def below(self, component: Mapping[str, Any], group: Step, values: Mapping[str, Any]) -> Iterator[Step]:
        """List the steps in a group; `values` holds those of its inputs that are known."""
        tasks = component.get("dag", {}).get("tasks", {})
        groups = (*group.groups, group.name)
        for name in _in_order(tasks):
            task = tasks[name]
            parent = f"{group.node}{FIRST}"
            if task.get("triggerPolicy", {}).get("strategy") == _EXIT_TASK:
                parent = f"{parent}.{task['dependentTasks'][0]}.onExit{FIRST}"
            node = f"{parent}.{name}"
            inner = self.components[task["componentRef"]["name"]]
            step = Step(
                name=name,
                node=node,
                driver=f"{node}-driver",
                item=group.item,
                is_group="dag" in inner,
                groups=groups,
                template=self._template(task, inner),
            )
            if "parameterIterator" in task:
                yield from self._items(task, inner, step, values)
                continue
            yield step
            if step.is_group:
                yield from self.below(inner, step, _known(task, values))

    def _template(self, task: Mapping[str, Any], component: Mapping[str, Any]) -> str:
        """Return the name that KFP's backend gives to Argo's template of a task's container."""
        name = "retry-system-container-impl" if "retryPolicy" in task else "system-container-impl"
        pod = self.executors.get(component.get("executorLabel", ""), {}).get("podMetadata")
        return f"metadata-{len(pod.get('annotations', {}))}-{len(pod.get('labels', {}))}-{name}" if pod else name

    def _items(
        self, task: Mapping[str, Any], inner: Mapping[str, Any], loop: Step, values: Mapping[str, Any]
    ) -> Iterator[Step]:
        """List a loop, then its steps for each of its items."""
        yield replace(loop, driver=f"{loop.node}{FIRST}.iteration-driver")
        iterator, known = task["parameterIterator"], _known(task, values)
        items = _list(iterator["items"].get("raw", known.get(iterator["items"].get("inputParameter"))))
        index = 0
        while index < len(items) if items is not None else self.is_there(_iteration(loop, index)):
            node = f"{_iteration(loop, index)}{FIRST}.iteration-item"
            item = _words(items[index]) if items is not None else f"item {index}"
            label = " ".join(filter(None, (loop.item, item)))
            one = replace(loop, node=node, driver=f"{node}-driver", item=label)
            yield one
            given = {iterator["itemInput"]: items[index]} if items is not None else {}
            yield from self.below(inner, one, known | given)
            index += 1


def _iteration(loop: Step, index: int) -> str:
    return f"{loop.node}{FIRST}.iteration-iterations({index}:{index})"


def _in_order(tasks: Mapping[str, Any]) -> list[str]:
    """Sort the names of tasks: each after its dependencies."""
    graph = TopologicalSorter({name: task.get("dependentTasks", []) for name, task in sorted(tasks.items())})
    return list(graph.static_order())


def _known(task: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those inputs of a task that follow from the run's parameters."""
    found = {}
    for name, source in task.get("inputs", {}).get("parameters", {}).items():
        if source.get("componentInputParameter") in values:
            found[name] = values[source["componentInputParameter"]]
        elif "constant" in source.get("runtimeValue", {}):
            found[name] = source["runtimeValue"]["constant"]
    return found


def _list(value: Any) -> list[Any] | None:
    """Parse a loop's items: a list, or its JSON."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, list) else None


def _words(item: Any) -> str:
    """Describe an item: a candidate by its name, anything else as JSON."""
    try:
        return parse_candidate(item).name
    except UserError:
        return item if isinstance(item, str) else json.dumps(item)
