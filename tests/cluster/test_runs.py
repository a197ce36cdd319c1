"""`spectral-distill runs ...`: what is asked for, and what is told."""

from pathlib import Path

import pytest
from command_line import Answer, Command
from kfp_server import Kfp, task

pytestmark = pytest.mark.shared
PIPELINE = str(Path(__file__).parents[2] / "pipeline.yaml")


@pytest.fixture
def submitted(kfp: Kfp, command: Command) -> Answer:
    return command("submit", "--pipeline", PIPELINE, "--name", "nightly")


def fnv1a(text: str) -> int:
    """Argo's hash of a node's path, by its definition."""
    digest = 2166136261
    for byte in text.encode():
        digest ^= byte
        digest = digest * 16777619 % 2**32
    return digest


def test_the_latest_runs_are_listed_page_by_page_up_to_the_limit(kfp: Kfp, command: Command, submitted: Answer):
    kfp.runs = [kfp.runs[0] | {"run_id": f"run-{number}"} for number in range(250)]
    listed = command("runs", "list", "--limit", "240").out
    assert [line.split()[0] for line in listed.splitlines() if "run-" in line] == [f"run-{n}" for n in range(240)]
    asked = kfp.sent("GET", "/runs")
    assert [request.query["page_token"] for request in asked] == ["", "100", "200"]
    assert {(request.query["sort_by"], request.query["namespace"]) for request in asked} == {
        ("created_at desc", "team-a")
    }


def test_the_runs_of_one_experiment(kfp: Kfp, command: Command, submitted: Answer):
    command("submit", "--pipeline", PIPELINE, "--experiment", "other")
    listed = command("runs", "list", "--experiment", "other").out
    assert "run-2" in listed
    assert "run-1" not in listed
    assert "run-" not in command("runs", "list", "--experiment", "unknown").out


def test_the_status_shows_the_run_and_its_tasks_in_order(kfp: Kfp, command: Command, submitted: Answer):
    tasks = [task("train-teacher", "RUNNING", 90), task("prepare-data", "SUCCEEDED", 30, 80), task("root", "RUNNING")]
    kfp.progress = [("RUNNING", tasks)]
    told = command("runs", "status", "run-1").out
    assert "nightly: running" in told
    rows = [line.split() for line in told.splitlines() if "03:0" in line]
    assert rows == [["prepare-data", "succeeded", "03:00:30", "50", "s"], ["train-teacher", "running", "03:01:30"]]


def test_cancelling(kfp: Kfp, command: Command, submitted: Answer):
    assert command("runs", "cancel", "run-1").out == "canceled run-1\n"
    assert kfp.runs[0]["state"] == "CANCELING"


def test_the_log_of_a_task_is_that_of_the_pod_of_its_node(kfp: Kfp, command: Command, submitted: Answer):
    kfp.progress = [("RUNNING", [task("train-teacher", "RUNNING", 90, 0, ("spectral-distill-x7-123",))])]
    kfp.logs = {"spectral-distill-x7-system-container-impl-123": "epoch 1\nloss ½\n"}
    assert command("runs", "logs", "run-1", "train-teacher").out == "epoch 1\nloss ½\n"


def test_the_log_of_a_task_with_retries_has_every_attempt(kfp: Kfp, command: Command, submitted: Answer):
    path = "wf-x7.root.train-teacher.executor"
    kfp.progress = [("FAILED", [task("train-teacher", "FAILED", 90, 99, (f"wf-x7-{fnv1a(path)}",))])]
    kfp.logs = {
        f"wf-x7-retry-system-container-impl-{fnv1a(f'{path}({attempt})')}": f"attempt {attempt}\n" for attempt in (0, 1)
    }
    assert command("runs", "logs", "run-1", "train-teacher").out == "attempt 0\nattempt 1\n"


def test_without_a_task_the_logs_are_those_of_the_failed_ones(kfp: Kfp, command: Command, submitted: Answer):
    tasks = [task("prepare-data", "SUCCEEDED", 1, 2, ("wf-1",)), task("train-teacher", "FAILED", 3, 4, ("wf-2",))]
    kfp.progress = [("FAILED", tasks)]
    kfp.logs = {"wf-system-container-impl-1": "fine\n", "wf-system-container-impl-2": "no space left\n"}
    assert command("runs", "logs", "run-1").out == "no space left\n"


def test_a_log_that_the_server_cannot_read_is_told_with_where_to_look(kfp: Kfp, command: Command, submitted: Answer):
    kfp.progress = [("SUCCEEDED", [task("train-teacher", "SUCCEEDED", 3, 4, ("wf-2",))])]
    answer = command("runs", "logs", "run-1", "train-teacher")
    assert (answer.code, answer.out) == (2, "")
    assert "task train-teacher of run run-1: found no log that the server can read" in answer.err
    assert "--selector pipeline/runid=run-1" in answer.err


def test_a_task_that_a_run_does_not_have_is_told_with_those_that_it_has(kfp: Kfp, command: Command, submitted: Answer):
    kfp.progress = [("RUNNING", [task("prepare-data", "SUCCEEDED", 1, 2)])]
    answer = command("runs", "logs", "run-1", "prepare-dat")
    assert answer.code == 2
    assert "run run-1: found no task prepare-dat; name one of its tasks: prepare-data" in answer.err


@pytest.mark.parametrize("verb", ["status", "logs", "cancel"])
def test_a_run_that_is_not_there_is_told_in_one_line(kfp: Kfp, command: Command, verb: str):
    answer = command("runs", verb, "run-9")
    assert (answer.code, answer.out) == (2, "")
    assert "found 404 (ResourceNotFoundError: run_id run-9 not found.); check the name or id, " in answer.err
