"""An Argo Workflow of a compiled pipeline as KFP 2.17 makes it, and what KFP's API tells of its nodes.

Seen in recordings of a real backend: every step is a driver and a DAG with an executor, each below a node of type Retry
whose first attempt has the same name and `(0)`. The API lists the nodes by their display names, without their ids; only
`child_tasks` hold ids, which are the workflow's name and the 32-bit FNV-1a of the node's name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

EXIT_TRIGGER = "ALL_UPSTREAM_TASKS_COMPLETED"


@dataclass
class Step:
    """A task that runs a container. `path` is its node's name.

    `phase`: waiting, running, done, omitted (a task before it failed) or absent (its group was not reached). `ending`:
    succeeded, cached, failed, or driver (it failed there).
    """

    name: str
    path: str
    item: int | None
    on_exit: bool
    conditional: bool
    phase: str = "waiting"
    ending: str = "succeeded"
    times: list[str] = field(default_factory=list)

    @property
    def is_failed(self) -> bool:
        return self.phase == "done" and self.ending in ("failed", "driver")


@dataclass(frozen=True)
class Group:
    """A DAG of tasks: `kind` is dag, condition, loop, iteration or exit."""

    name: str
    path: str
    kind: str


@dataclass
class Workflow:
    """Steps in the order in which they run, one after the other, and the groups around them."""

    name: str
    steps: list[Step] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, spec: Mapping[str, Any], items: int) -> "Workflow":
        """The workflow of a pipeline's IR whose loop has so many items."""
        made = cls(name)
        made.groups.append(Group("root", f"{name}(0).root", "dag"))
        made._walk(spec, spec["root"]["dag"], f"{name}(0).root(0)", items, None, False)
        return made

    def node_id(self, node: str) -> str:
        return self.name if node == self.name else f"{self.name}-{fnv1a(node)}"

    def pod(self, step: Step) -> str:
        """The pod of a step's first attempt."""
        return f"{self.name}-retry-system-container-impl-{fnv1a(f'{step.path}(0).executor(0)')}"

    def _walk(
        self, spec: Mapping[str, Any], dag: Mapping[str, Any], prefix: str, items: int, item: int | None, gated: bool
    ) -> None:
        for name in _in_order(dag["tasks"]):
            task = dag["tasks"][name]
            component = spec["components"][task["componentRef"]["name"]]
            policy = task.get("triggerPolicy", {})
            path = f"{prefix}.{name}"
            if policy.get("strategy") == EXIT_TRIGGER:
                handler = f"{prefix}.{task['dependentTasks'][0]}.onExit"
                self.groups.append(Group(handler.rpartition(".root(0).")[2], handler, "exit"))
                self.steps.append(Step(name, f"{handler}(0).{name}", None, True, False))
            elif "dag" not in component:
                self.steps.append(Step(name, path, item, False, gated))
            elif "parameterIterator" in task or "artifactIterator" in task:
                self.groups.append(Group(name, path, "loop"))
                for index in range(items):
                    iteration = f"{path}(0).iteration-iterations({index}:{index})"
                    self.groups.append(Group(iteration.rpartition(".")[2], iteration, "iteration"))
                    self._walk(spec, component["dag"], f"{iteration}(0).iteration-item(0)", items, index, gated)
            else:
                kind = "condition" if "condition" in policy else "dag"
                self.groups.append(Group(name, path, kind))
                self._walk(spec, component["dag"], f"{path}(0)", items, item, gated or kind == "condition")

    def skip_gated(self) -> None:
        """The condition does not hold."""
        for step in self.steps:
            if step.conditional:
                step.phase = "absent"

    def give_up_after(self, failed: Step) -> None:
        """What a failure leaves out: later steps, but those of other items of a loop and of the exit handler."""
        for step in self.steps[self.steps.index(failed) + 1 :]:
            if step.on_exit or (None not in (failed.item, step.item) and failed.item != step.item):
                continue
            step.phase = "absent" if step.item is not None and failed.item is None else "omitted"

    def details(self) -> list[dict[str, Any]]:
        """The API's `task_details`."""
        entries = [self._entry(self.name, self.name, self._state(self.name), "(0)")]
        entries.append(self._entry(f"{self.name}(0)", f"{self.name}(0)", self._state(self.name), ".root"))
        for group in self.groups:
            entries += self._group_entries(group)
        for step in self.steps:
            entries += self._step_entries(step)
        return entries

    def _group_entries(self, group: Group) -> Iterator[dict[str, Any]]:
        state = self._state(group.path, group.kind)
        if state == "ABSENT":
            return
        if group.kind in ("dag", "condition"):
            yield from self._retried(f"{group.path}-driver", f"{group.name}-driver", "SUCCEEDED")
        if state in ("SKIPPED", None):
            yield self._entry(group.path, group.name, state)
            return
        yield from self._retried(group.path, group.name, state)
        if group.kind == "loop":
            yield from self._retried(f"{group.path}(0).iteration-driver", "iteration-driver", "SUCCEEDED")
            yield self._entry(f"{group.path}(0).iteration-iterations", "iteration-iterations", state, "(0:0)")
        if group.kind == "iteration":
            yield from self._retried(f"{group.path}(0).iteration-item-driver", "iteration-item-driver", "SUCCEEDED")
            yield from self._retried(f"{group.path}(0).iteration-item", "iteration-item", state)

    def _step_entries(self, step: Step) -> Iterator[dict[str, Any]]:
        if step.phase in ("waiting", "absent"):
            return
        if step.phase == "omitted":
            yield self._entry(f"{step.path}-driver", f"{step.name}-driver", None)
            yield self._entry(step.path, step.name, None)
            return
        if step.ending == "driver" and step.phase == "done":
            yield from self._retried(f"{step.path}-driver", f"{step.name}-driver", "FAILED", step)
            yield self._entry(step.path, step.name, None)
            return
        state = "RUNNING" if step.phase == "running" else "FAILED" if step.ending == "failed" else "SUCCEEDED"
        yield from self._retried(f"{step.path}-driver", f"{step.name}-driver", "SUCCEEDED", step)
        yield self._entry(step.path, step.name, state, "(0)", step)
        yield self._entry(f"{step.path}(0)", f"{step.name}(0)", state, ".executor", step)
        if step.ending == "cached" and step.phase == "done":
            yield self._entry(f"{step.path}(0).executor", "executor", "SKIPPED", step=step)
        else:
            yield from self._retried(f"{step.path}(0).executor", "executor", state, step)

    def _retried(
        self, path: str, display: str, state: str | None, step: Step | None = None
    ) -> Iterator[dict[str, Any]]:
        yield self._entry(path, display, state, "(0)", step)
        yield self._entry(f"{path}(0)", f"{display}(0)", state, step=step)

    def _entry(
        self, path: str, display: str, state: str | None, child: str = "", step: Step | None = None
    ) -> dict[str, Any]:
        times = step.times if step and step.times else ["2026-01-31T03:00:00Z"]
        ended = state not in ("RUNNING", "PENDING")
        entry: dict[str, Any] = {
            "display_name": display,
            "create_time": "2026-01-31T03:00:00Z",
            "start_time": times[0],
            "end_time": times[-1] if ended else "0001-01-01T00:00:00Z",
            "state_history": [{"update_time": times[-1]} | ({"state": state} if state else {})],
        }
        if state:
            entry["state"] = state
        if child:
            entry["child_tasks"] = [{"pod_name": self.node_id(path + child)}]
        return entry

    def _state(self, path: str, kind: str = "dag") -> str | None:
        """What the steps below a node make of it: ABSENT where it was not reached, None where it was omitted."""
        phases = {step.phase for step in self.steps if step.path.startswith(f"{path}(0)")}
        if kind == "condition" and phases == {"absent"}:
            return "SKIPPED"
        if phases <= {"waiting", "absent"}:
            return "ABSENT"
        if phases & {"waiting", "running"}:
            return "RUNNING"
        if any(step.is_failed for step in self.steps if step.path.startswith(f"{path}(0)")):
            return "FAILED"
        return "SUCCEEDED" if "done" in phases else None


def fnv1a(text: str) -> int:
    """Argo's hash of a node's name."""
    digest = 2166136261
    for byte in text.encode():
        digest = (digest ^ byte) * 16777619 % 2**32
    return digest


def _in_order(tasks: Mapping[str, Any]) -> list[str]:
    """Each task after those that it depends on; handlers of an exit last."""
    done: list[str] = []
    while len(done) < len(tasks):
        ready = [
            name
            for name, task in tasks.items()
            if name not in done and set(task.get("dependentTasks", [])) <= set(done)
        ]
        done.append(min(ready, key=lambda name: tasks[name].get("triggerPolicy", {}).get("strategy") == EXIT_TRIGGER))
    return done
