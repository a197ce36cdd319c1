"""What tasks printed: of one that finished, one that failed on bad input, and one that runs."""

import re

import pytest

from tests.cluster_acceptance.cluster_session import Answer, Cluster, Started
from tests.cluster_acceptance.cluster_tracking import Tracking

LAUNCHER = re.compile(r"^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ ", re.MULTILINE)
ENDLESS_EPOCHS = 1000


def test_the_log_of_a_finished_task_is_its_own_lines(cluster: Cluster, full_run: Started):
    own = cluster.command("runs", "logs", full_run.id, "train-teacher")
    assert_readable(own)
    everything = cluster.command("runs", "logs", "--all", full_run.id, "train-teacher")
    assert LAUNCHER.search(everything.out)
    assert set(own.out.splitlines()) < set(everything.out.splitlines())


def test_bad_input_fails_a_task_whose_log_says_it_in_one_line(cluster: Cluster):
    run = cluster.wait(cluster.submit("bad input", cluster.settings(seed=3, data_text_column="nosuch")))
    assert run.state == "FAILED"
    failed = [step.name for step in cluster.steps(run) if step.state == "FAILED"]
    assert len(failed) == 1
    told = cluster.command("runs", "logs", run.run_id)
    assert_readable(told)
    (line,) = [line for line in told.out.splitlines() if line.startswith("error: ")]
    assert "nosuch" in line
    assert "expected" in line
    status = cluster.command("runs", "status", run.run_id)
    assert re.search(rf"{failed[0]}\W+failed", status.out)


def test_mlflow_has_a_run_that_met_bad_input_as_failed(cluster: Cluster, tracking: Tracking):
    run = cluster.wait(cluster.submit("bad input", cluster.settings(seed=4, data_text_column="nosuch")))
    assert tracking.parent(run.run_id).info.status == "FAILED"


@pytest.mark.usefixtures("_cancelled_at_the_end")
def test_the_log_of_a_running_task_can_be_read(cluster: Cluster):
    run_id = cluster.submit("running", cluster.settings(seed=5, teacher_epochs=ENDLESS_EPOCHS))
    cluster.wait_for(lambda: cluster.running(run_id, "train-teacher"), "train-teacher to run")
    told = cluster.wait_for(lambda: printed(cluster, run_id), "a line of train-teacher")
    assert_readable(told)
    assert cluster.running(run_id, "train-teacher")


@pytest.fixture
def _cancelled_at_the_end(cluster: Cluster):
    before = list(cluster.runs)
    yield
    for run_id in [run_id for run_id in cluster.runs if run_id not in before]:
        cluster.command("runs", "cancel", run_id)


def printed(cluster: Cluster, run_id: str) -> Answer | None:
    """What train-teacher printed so far; its container may just be starting."""
    told = cluster.command("runs", "logs", run_id, "train-teacher")
    return told if told.code == 0 and told.out.strip() else None


def assert_readable(told: Answer) -> None:
    assert told.code == 0
    assert told.out.strip()
    assert "error_message" not in told.out
    assert not LAUNCHER.search(told.out)
