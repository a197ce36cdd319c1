"""The states of a run's tasks, from KFP's answer about the run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.cluster.nodes import Nodes, nodes_of
from pipeline.cluster.steps import FIRST, Step, steps_of

FINISHED = frozenset({"SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"})
ENDED = FINISHED | {"CACHED"}
_AT_WORK = ("PENDING", "RUNNING")
_DRIVER = "system-container-driver"
_GROUP_DRIVER = "system-dag-driver"


@dataclass(frozen=True)
class Task:
    """One execution of a step.

    Attributes:
        name: The step's name.
        item: Item of the loop around it, such as a candidate's name; empty outside of loops.
        state: The API's state, or CACHED, STARTING (its driver runs), NOT_STARTED, or UNKNOWN (the run has ended after
            the API's last update of the task).
        started: When it started; None if it did not, or if that is unknown.
        seconds: Its duration in seconds; None before its end.
        pods: Pods of its container, one for each attempt.
        driver_pods: Pods of its driver, one for each attempt.
        failed_in_driver: Whether it failed before its container started.
    """

    name: str
    item: str
    state: str
    started: datetime | None
    seconds: float | None
    pods: tuple[str, ...]
    driver_pods: tuple[str, ...]
    failed_in_driver: bool

    @property
    def label(self) -> str:
        """The step's name, followed by the item if there is one."""
        return f"{self.name} {self.item}".rstrip()

    @property
    def is_at_work(self) -> bool:
        """Whether the task or its driver runs now."""
        return self.state in ("STARTING", "RUNNING")


@dataclass(frozen=True)
class Pipeline:
    """A run's pipeline (its IR) and the parameters of the run."""

    spec: Mapping[str, Any]
    parameters: Mapping[str, Any]


def tasks_of(run: Any, pipeline: Pipeline) -> list[Task]:
    """List the tasks of a run in the order of the graph; a step in a loop has one task for each item.

    Groups are left out unless their driver failed: the tasks of such a group never start.

    Args:
        run: KFP's run.
        pipeline: Its pipeline and parameters.

    Returns:
        The tasks.
    """
    details = (run.run_details.task_details or []) if run.run_details else []
    below = {child.pod_name: one for one in details for child in one.child_tasks or [] if child.pod_name}
    nodes = nodes_of(below)
    found = _Found(below, nodes, unknown=_is_overtaken(run) or (bool(below) and not nodes.has(FIRST)))
    steps = steps_of(pipeline.spec, pipeline.parameters, nodes.has)
    tasks = [(step, _task(step, found, _canceled_at(run))) for step in steps]
    return [task for step, task in tasks if not step.is_group or task.failed_in_driver]


def may_print(task: Task, run: Any) -> bool:
    """Check whether a task may still print something.

    Args:
        task: The task.
        run: KFP's run.

    Returns:
        Whether the run goes on, and the task runs or has not started.
    """
    return run.state not in FINISHED and (task.is_at_work or task.state == "NOT_STARTED")


def unmet_conditions(run: Any, pipeline: Pipeline) -> list[str]:
    """Find the groups that were skipped because their condition was not met.

    Args:
        run: KFP's run.
        pipeline: Its pipeline and parameters.

    Returns:
        Names of the groups.
    """
    details = (run.run_details.task_details or []) if run.run_details else []
    skipped = {detail.display_name for detail in details if detail.state == "SKIPPED"}
    steps = steps_of(pipeline.spec, pipeline.parameters)
    return [step.name for step in steps if step.is_group and step.name in skipped]


@dataclass(frozen=True)
class _Found:
    """The API's details by the ids of the nodes below them.

    `unknown` means that they are out of date, or that Argo names its nodes differently from KFP's own configuration.
    """

    details: Mapping[str, Any]
    nodes: Nodes
    unknown: bool

    def state(self, node: str) -> str | None:
        detail = self.detail(node)
        return detail.state if detail is not None else None

    def detail(self, node: str) -> Any | None:
        """Return the details of a node, which goes by the name of its first attempt."""
        return self.details.get(self.nodes.id_of(f"{node}{FIRST}"))


def _task(step: Step, found: _Found, canceled_at: datetime | None) -> Task:
    nodes = found.nodes
    pods = [pod for attempt in nodes.attempts(step.node) for pod in nodes.attempts(f"{attempt}.executor")]
    failed_in_driver = found.state(step.driver) == "FAILED"
    shown = found.detail(step.driver if failed_in_driver else step.node)
    state = "FAILED" if failed_in_driver else _state(step, found, has_run=bool(pods))
    if state == "FAILED" and shown and canceled_at and shown.end_time >= canceled_at:
        state = "CANCELED"
    if state == "UNKNOWN" and not pods:  # it may have run nevertheless
        pods = [f"{step.node}{FIRST}.executor{FIRST}"]
    if state == "NOT_STARTED":
        shown = None
    return Task(
        name=step.name,
        item=step.item,
        state=state,
        started=shown.start_time if shown else None,
        seconds=seconds_between(shown.start_time, shown.end_time) if shown and state in FINISHED else None,
        pods=tuple(nodes.pod(step.template, pod) for pod in pods),
        driver_pods=tuple(
            nodes.pod(_GROUP_DRIVER if step.is_group else _DRIVER, pod) for pod in nodes.attempts(step.driver)
        ),
        failed_in_driver=failed_in_driver,
    )


def _state(step: Step, found: _Found, *, has_run: bool) -> str:
    state = found.state(step.node)
    if state == "SUCCEEDED":
        return "SUCCEEDED" if has_run or step.is_group else "CACHED"
    if state in FINISHED - {"SKIPPED"}:
        return state
    if found.unknown:
        return "UNKNOWN"
    if state in _AT_WORK:
        return "RUNNING"
    return "STARTING" if found.state(step.driver) in _AT_WORK else "NOT_STARTED"


def _is_overtaken(run: Any) -> bool:
    """Check whether the run has ended but its tasks have not, because KFP stopped updating them."""
    details = (run.run_details.task_details or []) if run.run_details else []
    return run.state in FINISHED and any(detail.state in _AT_WORK for detail in details)


def _canceled_at(run: Any) -> datetime | None:
    """Return when somebody stopped the run; KFP then reports its running tasks as FAILED."""
    return next((one.update_time for one in run.state_history or [] if one.state == "CANCELING"), None)


def seconds_between(start_time: datetime, end_time: datetime) -> float:
    """Compute a duration; the API's end of a task that has not ended lies long before its start.

    Args:
        start_time: The start.
        end_time: The end.

    Returns:
        Seconds, at least 0.
    """
    return max((end_time - start_time).total_seconds(), 0.0)
