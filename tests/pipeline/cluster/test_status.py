"""`spectral-distill runs status` on runs that a real Kubeflow ran."""

from collections.abc import Callable

import pytest

from tests.pipeline.cluster.command_line import Command
from tests.pipeline.cluster.kfp_server import NOW, Kfp, driven, ran, task

BEFORE_THE_LOOP = [
    "resolve-data", "prepare-data", "train-teacher", "profile-teacher", "select-layers", "capture-signals",
]  # fmt: skip
AFTER_THE_LOOP = ["compare-students", "promote-student", "close-run"]
THREE = ["spectral_intensity-3L-s0", "spectral_edges-3L-spectral-s0", "uniform-3L-s0"]
DRIVER_SAID = (
    'I1128 07:21:49.000001       1 main.go:333] input ComponentSpec:{\n  "executorLabel": "exec-distill-student"\n}\n'
    "F1128 07:21:50.000001       1 main.go:127] KFP driver: driver.Container(pipelineName=spectral-distill, "
    'taskName="distill-student", dagExecutionID=16) failed: input parameter "candidate" type mismatch: expect STRUCT, '
    "got string\n"
)
RealRun = Callable[[str], dict]


def rows(out: str) -> list[tuple[str, ...]]:
    """The table's cells that are not empty: task, candidate, state, start, time."""
    lines = [line.strip() for line in out.splitlines()]
    table = lines[next(index for index, line in enumerate(lines) if line.startswith("───")) + 1 :]
    table = table[: table.index("")] if "" in table else table
    return [tuple(cell.strip() for cell in line.split("  ") if cell.strip()) for line in table]


def states(out: str) -> dict[str, str]:
    """Each task's state, by the task and its candidate."""
    words = ("succeeded", "cached", "failed", "canceled", "running", "starting", "not started", "unknown")
    return {" ".join(row[: row.index(state)]): state for row in rows(out) for state in words if state in row}


def test_tasks_stand_in_the_graphs_order_with_their_candidates(command: Command, real_run: RealRun):
    real_run("cached")
    loop = [f"{step} {name}" for name in THREE for step in ("distill-student", "evaluate-student")]
    assert list(states(command("runs", "status", "run-1").out)) == [*BEFORE_THE_LOOP, *loop, *AFTER_THE_LOOP]


def test_tasks_from_the_cache_are_told_from_those_that_ran(command: Command, real_run: RealRun):
    real_run("cached")
    out = command("runs", "status", "run-1").out
    found = states(out)
    assert {name for name, state in found.items() if state == "succeeded"} == {
        "resolve-data", "promote-student", "close-run",
    }  # fmt: skip
    assert sum(state == "cached" for state in found.values()) == len(found) - 3
    assert ("resolve-data", "succeeded", "07:34:29", "20 s") in rows(out)
    assert ("train-teacher", "cached", "07:35:09") in rows(out)
    assert "v3-unchanged: succeeded  4 min 23 s" in out
    assert max(map(len, out.splitlines())) <= 110


def test_a_running_run_says_what_starts_and_what_has_not_started(command: Command, real_run: RealRun):
    real_run("running")
    found = states(command("runs", "status", "run-1").out)
    assert found["distill-student spectral_intensity-3L-s0"] == "succeeded"
    assert found["evaluate-student uniform-3L-s0"] == "starting"
    assert {name for name, state in found.items() if state == "not started"} == set(AFTER_THE_LOOP)


def test_a_failed_task_leaves_those_behind_it_not_started(command: Command, real_run: RealRun):
    real_run("failed-task")
    found = states(command("runs", "status", "run-1").out)
    assert found.pop("prepare-data") == "failed"
    assert (found.pop("resolve-data"), found.pop("close-run")) == ("succeeded", "succeeded")
    assert set(found.values()) == {"not started"}


def test_a_task_that_failed_in_its_driver_is_failed_with_the_drivers_reason(
    server: Kfp, command: Command, real_run: RealRun
):
    real_run("failed-driver")
    driver = "spectral-distill-7ss4w-system-container-driver"
    server.logs = {f"{driver}-{digest}": DRIVER_SAID for digest in (3924807175, 505013891, 2421286351)}
    out = command("runs", "status", "run-1").out
    found = states(out)
    assert {name for name, state in found.items() if state == "failed"} == {f"distill-student {one}" for one in THREE}
    assert {found[f"evaluate-student {one}"] for one in THREE} == {"not started"}
    told = " ".join(out.partition("distill-student spectral_intensity-3L-s0 and 2 more")[2].split())
    reason = 'input parameter "candidate" type mismatch: expect STRUCT, got string'
    assert told == f"failed before the start, in KFP's driver: {reason}"


def test_a_driver_whose_pod_is_gone_is_failed_all_the_same(command: Command, real_run: RealRun):
    real_run("failed-driver")
    out = " ".join(command("runs", "status", "run-1").out.split())
    assert "in KFP's driver: its pod is gone, and the log with it" in out


def test_the_driver_of_a_group_is_named_when_it_fails(server: Kfp, command: Command, real_run: RealRun):
    real_run("cached")
    server.progress = [("FAILED", driven("root.exit-handler-1", "FAILED", 1, 9))]
    found = states(command("runs", "status", "run-1").out)
    assert found["exit-handler-1"] == "failed"
    assert "root" not in found


def test_a_canceled_run_says_which_task_was_stopped(command: Command, real_run: RealRun):
    real_run("cancelled")
    out = command("runs", "status", "run-1").out
    found = states(out)
    assert "v6-cancel: canceling" in out
    assert (found["train-teacher"], found["close-run"]) == ("canceled", "running")
    assert found["profile-teacher"] == "not started"


def test_no_task_of_an_ended_run_claims_to_run(command: Command, real_run: RealRun):
    real_run("stale-tasks")
    out = command("runs", "status", "run-1").out
    found = states(out)
    assert {name for name, state in found.items() if state == "unknown"} == {
        "distill-student uniform-3L-s0", "evaluate-student uniform-3L-s0", "evaluate-student last-1L-s0",
        "evaluate-student spectral_intensity-2L-s0", *AFTER_THE_LOOP,
    }  # fmt: skip
    assert "running" not in found.values()
    assert "Unknown: KFP's API stopped updating the tasks, as it does when a run's Workflow exceeds 1 MiB" in out


def test_node_names_of_another_argo_give_unknown_instead_of_a_guess(server: Kfp, command: Command, real_run: RealRun):
    real_run("cached")
    server.progress = [("RUNNING", [task("train-teacher", "RUNNING", 3, 0, ("wf-x7-123",))])]
    assert set(states(command("runs", "status", "run-1").out).values()) == {"unknown"}


def test_a_condition_that_was_not_met_is_told(server: Kfp, command: Command, real_run: RealRun):
    """Not recorded; from the backend's source: a group whose `when` is false is one SKIPPED node without children."""
    real_run("cached")
    tasks = server.versions[0]["pipeline_spec"]["root"]["dag"]["tasks"]
    tasks["exit-handler-1"]["triggerPolicy"] = {"condition": "inputs.parameter_values['changed'] == 'yes'"}
    server.progress = [("SUCCEEDED", [
        {**one, "state": "SUCCEEDED"} if one["state"] == "RUNNING" else one
        for one in [*driven("root.exit-handler-1", "SUCCEEDED", 1, 9), task("exit-handler-1", "SKIPPED", 9, 9)]
    ])]  # fmt: skip
    out = command("runs", "status", "run-1").out
    assert set(states(out).values()) == {"not started"}
    assert "Nothing has changed since an earlier run: the condition of `exit-handler-1` was not met" in out


def test_a_run_without_tasks_yet(server: Kfp, command: Command, real_run: RealRun):
    real_run("cached").update({"state": "PENDING", "run_details": None, "created_at": NOW})
    assert set(states(command("runs", "status", "run-1").out).values()) == {"not started"}


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_repeated_task_has_run(server: Kfp, command: Command, real_run: RealRun, attempts: int):
    real_run("cached")
    server.progress = [("RUNNING", ran("root.exit-handler-1.train-teacher", "SUCCEEDED", 3, 9, attempts=attempts))]
    assert states(command("runs", "status", "run-1").out)["train-teacher"] == "succeeded"


def test_a_drivers_log_that_may_not_be_read_is_told(server: Kfp, command: Command, real_run: RealRun):
    real_run("failed-driver")
    server.answer = lambda request: (
        (403, "application/json", '{"message": "no"}') if request.path.endswith("/log") else None
    )
    out = " ".join(command("runs", "status", "run-1").out.split())
    assert "in KFP's driver: its log cannot be read (KFP server " in out
    assert "found 403 (no)" in out
