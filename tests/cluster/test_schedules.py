"""`spectral-distill schedule ...`: what is sent, and what is told."""

from pathlib import Path

import pytest
from command_line import Command
from kfp_server import API, NOW, Kfp, Request

PIPELINE = str(Path(__file__).parents[2] / "pipeline.yaml")
contract = pytest.mark.shared


def create(command: Command, *arguments: str):
    return command("schedule", "create", "--pipeline", PIPELINE, *arguments)


@contract
def test_a_schedule_is_of_the_uploaded_version_with_typed_settings_and_without_catch_up(kfp: Kfp, command: Command):
    candidates = '[{"strategy": "uniform", "layers": 3}]'
    answer = create(
        command, "--cron", "30 3 * * 1", "--name", "weekly", "--candidates", candidates, "--student-epochs", "4"
    )
    assert (answer.code, answer.err) == (0, "")
    (sent,) = kfp.sent("POST", "/recurringruns")
    assert sent.json == {
        "display_name": "weekly",
        "experiment_id": "experiment-1",
        "pipeline_version_reference": {"pipeline_id": "pipeline-1", "pipeline_version_id": "version-1"},
        "runtime_config": {"parameters": {"candidates": [{"strategy": "uniform", "layers": 3}], "student_epochs": 4}},
        "trigger": {"cron_schedule": {"cron": "0 30 3 * * 1"}},
        "mode": "ENABLE",
        "no_catchup": True,
        "max_concurrency": "1",
    }
    assert "recurring-1" in answer.out
    assert "/#/recurringrun/details/recurring-1" in answer.out


@contract
def test_a_cron_line_with_seconds_goes_as_it_is(kfp: Kfp, command: Command):
    create(command, "--cron", "15 0 3 * * MON-FRI")
    assert kfp.recurring_runs[0]["trigger"] == {"cron_schedule": {"cron": "15 0 3 * * MON-FRI"}}


@contract
@pytest.mark.parametrize(("every", "seconds"), [("90", "90"), ("15m", "900"), ("1h", "3600"), ("2d", "172800")])
def test_an_interval_is_sent_in_seconds(kfp: Kfp, command: Command, every: str, seconds: str):
    assert create(command, "--every", every).code == 0
    assert kfp.recurring_runs[0]["trigger"] == {"periodic_schedule": {"interval_second": seconds}}


@contract
def test_start_end_concurrency_catch_up_and_pause_are_sent(kfp: Kfp, command: Command):
    create(
        command, "--every", "1d", "--start", "2026-02-01T03:00:00+01:00", "--end", "2026-03-01T00:00:00Z",
        "--max-concurrency", "3", "--catch-up", "--paused",
    )  # fmt: skip
    made = kfp.recurring_runs[0]
    assert made["trigger"]["periodic_schedule"] == {
        "interval_second": "86400", "start_time": "2026-02-01T02:00:00+00:00", "end_time": "2026-03-01T00:00:00+00:00",
    }  # fmt: skip
    assert (made["max_concurrency"], made["no_catchup"], made["mode"]) == ("3", False, "DISABLE")


@contract
def test_schedules_are_listed_switched_and_deleted(kfp: Kfp, command: Command):
    create(command, "--cron", "0 3 * * *", "--name", "nightly")
    create(command, "--every", "1h", "--paused", "--name", "hourly")
    listed = command("schedule", "list").out
    nightly, hourly = (line.split() for line in listed.splitlines() if "recurring-" in line)
    assert nightly == ["recurring-1", "nightly", "enabled", "cron", "0", "0", "3", "*", "*", "*", "1", "no"]
    assert hourly == ["recurring-2", "hourly", "disabled", "every", "3600", "s", "1", "no"]
    assert kfp.sent("GET", "/recurringruns")[0].query["namespace"] == "team-a"

    assert command("schedule", "disable", "recurring-1").out == "disabled recurring-1\n"
    assert kfp.recurring_runs[0]["status"] == "DISABLED"
    assert command("schedule", "enable", "recurring-1").out == "enabled recurring-1\n"
    assert kfp.recurring_runs[0]["status"] == "ENABLED"
    assert command("schedule", "delete", "recurring-1").out == "deleted recurring-1\n"
    assert [one["recurring_run_id"] for one in kfp.recurring_runs] == ["recurring-2"]


@pytest.fixture
def in_flight(server: Kfp, command: Command, monkeypatch: pytest.MonkeyPatch) -> Kfp:
    """A schedule with a run that has ended and one that has not, and a run of another schedule."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    create(command, "--every", "1h")
    run = {"display_name": "x", "experiment_id": "experiment-1", "created_at": NOW, "finished_at": NOW}
    server.runs = [
        run | {"run_id": "done", "recurring_run_id": "recurring-1", "state": "SUCCEEDED"},
        run | {"run_id": "busy", "recurring_run_id": "recurring-1", "state": "RUNNING"},
        run | {"run_id": "other", "recurring_run_id": "recurring-2", "state": "RUNNING"},
    ]
    return server


def test_a_schedule_with_a_run_in_flight_is_not_deleted(in_flight: Kfp, command: Command):
    answer = command("schedule", "delete", "recurring-1")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == (
        "error: schedule recurring-1: found busy in flight, which would be deleted with it; wait for the end, or "
        "cancel it with --force\n"
    )
    assert in_flight.recurring_runs


def test_by_force_its_runs_are_stopped_and_waited_for_before_it_is_deleted(in_flight: Kfp, command: Command):
    def answer(request: Request) -> None:
        if request.path.endswith("/runs/busy"):
            in_flight.runs[1]["state"] = "FAILED"

    in_flight.answer = answer
    assert command("schedule", "delete", "recurring-1", "--force").out == "canceled busy\ndeleted recurring-1\n"
    sent = [f"{one.method} {one.path.removeprefix(API)}" for one in in_flight.requests]
    assert sent[sent.index("POST /recurringruns/recurring-1:disable") :] == [
        "POST /recurringruns/recurring-1:disable", "POST /runs/busy:terminate", "GET /runs/busy",
        "DELETE /recurringruns/recurring-1",
    ]  # fmt: skip


def test_without_a_run_in_flight_a_schedule_is_deleted_at_once(in_flight: Kfp, command: Command):
    in_flight.runs[1]["state"] = "FAILED"
    assert command("schedule", "delete", "recurring-1").out == "deleted recurring-1\n"
    assert not in_flight.sent("POST", "/recurringruns/recurring-1:disable")


@contract
@pytest.mark.parametrize("verb", ["enable", "disable", "delete"])
def test_a_schedule_that_is_not_there_is_told_in_one_line(kfp: Kfp, command: Command, verb: str):
    answer = command("schedule", verb, "recurring-9")
    assert (answer.code, answer.out) == (2, "")
    assert (
        "found 404 (ResourceNotFoundError: recurring_run_id recurring-9 not found.); check the name or id" in answer.err
    )
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "schedule create: found both or none of --cron and --every, expected one of them"),
        (["--cron", "0 3 * * *", "--every", "1d"], "schedule create: found both or none of --cron and --every"),
        (["--cron", "daily"], "--cron: found 'daily' with 1 fields, expected five"),
        (["--cron", "0 0 3 * * * 2026"], "with 7 fields, expected five"),
        (["--every", "0"], "--every: found '0', expected seconds or a number with m, h or d"),
        (["--every", "1w"], "--every: found '1w', expected seconds"),
        (["--every", "1d", "--start", "tomorrow"], "--start: found 'tomorrow', expected a time with its zone"),
        (["--every", "1d", "--end", "2026-01-31T03:00"], "--end: found '2026-01-31T03:00', expected a time with its"),
        (["--every", "1d", "--max-concurrency", "11"], "11 is not in the range 1<=x<=10"),
        (["--every", "1d", "--teacher-epochs", "0"], "teacher_epochs: found '0', expected greater than or equal to 1"),
    ],
)
def test_what_can_be_refused_here_is_refused_before_anything_is_sent(
    server: Kfp, command: Command, arguments: list[str], expected: str
):
    answer = create(command, *arguments)
    assert answer.code == 2
    assert expected in answer.err
    assert not server.requests
