"""The backend that acts tells of runs as a real one did: the same nodes, by name, state and id."""

from collections import Counter
from typing import Any

import pytest

from tests.pipeline.cluster.argo_nodes import Workflow
from tests.support.recordings import recorded, recorded_pipeline

# What it does not imitate: MLMD's executions among the tasks, and a second word on a loop that was left out.
NOT_IMITATED = {(None, None), ("for-loop-2", None)}
RAN = ("resolve-data", "promote-student", "close-run")


def workflow(name: str, ending: dict[str, str], items: int) -> Workflow:
    """A workflow of the recorded pipeline whose steps ended like this, and well otherwise."""
    made = Workflow.of(name, recorded_pipeline(), items)
    for step in made.steps:
        if step.phase == "waiting":
            step.phase, step.ending = "done", ending.get(step.name, "succeeded")
            if step.is_failed:
                made.give_up_after(step)
    return made


@pytest.mark.parametrize(
    ("recording", "ending", "items"),
    [
        ("cached", {"*": "cached"}, 3),
        ("failed-task", {"prepare-data": "failed"}, 1),
        ("failed-driver", {"distill-student": "driver"}, 3),
    ],
)
def test_nodes_are_those_of_the_recorded_run(recording: str, ending: dict[str, str], items: int):
    real = recorded(recording)["run_details"]["task_details"]
    name = next(told["display_name"][:-3] for told in real if (told.get("display_name") or "").endswith("(0)")
                and told["display_name"].startswith("spectral-distill-"))  # fmt: skip
    if "*" in ending:
        steps = {step.name for step in Workflow.of(name, recorded_pipeline(), items).steps}
        ending = {step: "cached" for step in steps if step not in RAN}
    told = workflow(name, ending, items).details()
    assert not shapes(told) - shapes(real)
    assert set(shapes(real) - shapes(told)) <= NOT_IMITATED
    assert children(told) <= children(real)


def shapes(details: list[dict[str, Any]]) -> Counter[tuple[str | None, str | None]]:
    return Counter((one.get("display_name"), one.get("state")) for one in details)


def children(details: list[dict[str, Any]]) -> set[str]:
    return {child["pod_name"] for one in details for child in one.get("child_tasks", [])}
