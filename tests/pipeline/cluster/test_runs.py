"""`spectral-distill runs list` and `cancel`: what is asked for, and what is told."""

import pytest

from tests.pipeline.cluster.command_line import Answer, Command
from tests.pipeline.cluster.kfp_server import Kfp
from tests.support.checkout import COMMITTED

PIPELINE = str(COMMITTED)


@pytest.fixture
def submitted(kfp: Kfp, command: Command) -> Answer:
    return command("submit", "--pipeline", PIPELINE, "--name", "nightly")


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


def test_cancelling(kfp: Kfp, command: Command, submitted: Answer):
    assert command("runs", "cancel", "run-1").out == "canceled run-1\n"
    assert kfp.runs[0]["state"] == "CANCELING"


@pytest.mark.parametrize("verb", ["status", "logs", "cancel"])
def test_a_run_that_is_not_there_is_told_in_one_line(kfp: Kfp, command: Command, verb: str):
    answer = command("runs", verb, "run-9")
    assert (answer.code, answer.out) == (2, "")
    assert "found 404 (ResourceNotFoundError: run_id run-9 not found.); check the name or id, " in answer.err
