"""`spectral-distill submit`: what is sent, and what is told."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.pipeline.cluster.command_line import TOKEN, Command
from tests.pipeline.cluster.kfp_server import API, WORKFLOW, Kfp, Request, driven, item, node_id, ran, task
from tests.support.checkout import COMMITTED

PIPELINE = COMMITTED
CANDIDATES = [{"strategy": "uniform", "layers": 3}, {"strategy": "manual", "layers": 2, "teacher_layers": [1, 2]}]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the committed pipeline, to change at will."""
    return Path(shutil.copy(PIPELINE, tmp_path / "pipeline.yaml"))


def test_the_first_submit_makes_the_pipeline_with_its_description_and_uploads_the_file(
    kfp: Kfp, command: Command, package: Path
):
    answer = command("submit", "--pipeline", str(package))
    assert (answer.code, answer.err) == (0, "")
    description = next(yaml.safe_load_all(package.read_text(encoding="utf-8")))["pipelineInfo"]["description"]
    (made,) = kfp.sent("POST", "/pipelines")
    sent = made.json
    summary = sent.pop("description")
    assert sent == {"name": "spectral-distill", "display_name": "spectral-distill", "namespace": "team-a"}
    assert "\n" not in summary  # lists show it in one line
    assert description.startswith(summary[:60])
    assert summary.endswith("worth shipping.")
    (uploaded,) = kfp.sent("POST", "/pipelines/upload_version")
    assert uploaded.file == package.read_bytes()
    assert uploaded.query["pipelineid"] == "pipeline-1"
    assert re.fullmatch(r"\d+\.\d+\.\d+-[0-9a-f]{7}", uploaded.query["name"])
    assert uploaded.query["description"] == description


def test_a_run_is_of_the_uploaded_version_in_its_experiment_with_only_the_given_settings_in_their_types(
    kfp: Kfp, command: Command, package: Path, tmp_path: Path
):
    settings = tmp_path / "settings.yaml"
    settings.write_text(yaml.safe_dump({"candidates": CANDIDATES, "teacher_epochs": 9, "data": "s3://b/intents.csv"}))
    answer = command(
        "submit", "--pipeline", str(package), "--settings", str(settings), "--teacher-epochs", "2",
        "--student-learning-rate", "1e-4", "--teacher-fine-tune", "false", "--name", "nightly", "--experiment", "bank",
    )  # fmt: skip
    assert answer.code == 0
    (experiment,) = kfp.sent("POST", "/experiments")
    assert experiment.json == {"display_name": "bank", "namespace": "team-a"}
    (run,) = kfp.sent("POST", "/runs")
    sent = run.json
    candidates = sent["runtime_config"]["parameters"].pop("candidates")
    assert sent == {
        "display_name": "nightly",
        "experiment_id": "experiment-1",
        "pipeline_version_reference": {"pipeline_id": "pipeline-1", "pipeline_version_id": "version-1"},
        "runtime_config": {
            "parameters": {
                "data": "s3://b/intents.csv",
                "teacher_epochs": 2,
                "student_learning_rate": 1e-4,
                "teacher_fine_tune": False,
            }
        },
    }
    assert candidates == CANDIDATES
    assert "run-1" in answer.out
    assert "/#/runs/details/run-1" in answer.out


def test_every_request_carries_the_token_and_lists_are_of_the_namespace(kfp: Kfp, command: Command, package: Path):
    command("submit", "--pipeline", str(package))
    assert {request.headers["authorization"] for request in kfp.requests} == {f"Bearer {TOKEN}"}
    for path in ("/pipelines", "/experiments"):
        assert [request.query["namespace"] for request in kfp.sent("GET", path)] == ["team-a"]


def test_the_same_file_is_not_uploaded_again_and_a_changed_one_is_a_new_version(
    kfp: Kfp, command: Command, package: Path
):
    command("submit", "--pipeline", str(package))
    again = command("submit", "--pipeline", str(package))
    assert "already on the server" in again.out
    assert (len(kfp.pipelines), len(kfp.versions), len(kfp.experiments), len(kfp.runs)) == (1, 1, 1, 2)
    before = package.read_text(encoding="utf-8")
    package.write_text(before.replace("spectral-distill-python", "another-image"), encoding="utf-8")
    assert "uploaded" in command("submit", "--pipeline", str(package)).out
    assert (len(kfp.pipelines), len(kfp.versions)) == (1, 2)
    assert kfp.runs[-1]["pipeline_version_reference"]["pipeline_version_id"] == "version-2"
    package.write_text(before, encoding="utf-8")
    command("submit", "--pipeline", str(package))
    assert len(kfp.versions) == 2
    assert kfp.runs[-1]["pipeline_version_reference"]["pipeline_version_id"] == "version-1"


def test_the_default_name_tells_the_data_and_the_time(server: Kfp, command: Command, package: Path):
    for arguments, data in (([], "bike-share"), (["--data", "s3://corpus/intents.csv"], "intents.csv")):
        command("submit", "--pipeline", str(package), *arguments)
        name = server.runs[-1]["display_name"]
        assert re.fullmatch(rf"spectral-distill {re.escape(data)} \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d", name)


GROUP = "root.exit-handler-1"
CACHED = [
    task("prepare-data", "SUCCEEDED", 25, 25, (node_id(f"{WORKFLOW}(0).root(0).exit-handler-1(0).prepare-data(0)"),))
]


def told(out: str) -> list[list[str]]:
    """The lines that begin with a state."""
    return [line.split() for line in out.splitlines() if line[:1].islower()]


def test_waiting_prints_a_line_for_each_task_that_ends_by_candidate_and_nothing_of_the_workflows_own_nodes(
    server: Kfp, command: Command, recorded_package: Path
):
    resolved = [*driven(f"{GROUP}.resolve-data", "SUCCEEDED", 1, 9), *ran(f"{GROUP}.resolve-data", "SUCCEEDED", 10, 22)]
    students = [f"{GROUP}.{item(index)}.distill-student" for index in (0, 1)]
    first, second = (ran(path, "SUCCEEDED", 30, 230) for path in students)
    server.progress = [
        ("PENDING", []),
        ("RUNNING", [*resolved, *CACHED, *ran(students[0], "RUNNING", 30)]),
        ("RUNNING", [*resolved, *CACHED, *ran(students[0], "RUNNING", 30), *second]),
        ("SUCCEEDED", [*resolved, *CACHED, *first, *second, task("for-loop-2", "SUCCEEDED", 25, 231)]),
    ]
    server.progress[-1][1][0] = server.progress[-1][1][0] | {"state": "SUCCEEDED"}
    answer = command("submit", "--wait", "--pipeline", str(recorded_package), "--candidates", json.dumps(CANDIDATES))
    assert (answer.code, answer.err) == (0, "")
    assert told(answer.out)[:4] == [
        ["succeeded", "resolve-data", "12", "s"],
        ["cached", "prepare-data"],
        ["succeeded", "distill-student", "manual-2L-1-2-s0", "3", "min", "20", "s"],
        ["succeeded", "distill-student", "uniform-3L-s0", "3", "min", "20", "s"],
    ]
    assert told(answer.out)[-1] == ["succeeded", "after", "10", "min", "00", "s"]


@pytest.mark.parametrize("state", ["FAILED", "CANCELED"])
def test_waiting_for_a_run_that_does_not_succeed_ends_with_code_1_and_names_what_failed(
    server: Kfp, command: Command, recorded_package: Path, state: str
):
    tasks = [*ran(f"{GROUP}.resolve-data", "SUCCEEDED", 1, 2), *ran(f"{GROUP}.train-teacher", "FAILED", 3, 63)]
    server.progress = [(state, [one | {"state": "FAILED"} if one["state"] == "RUNNING" else one for one in tasks])]
    answer = command("submit", "--wait", "--pipeline", str(recorded_package))
    assert answer.code == 1
    assert told(answer.out)[2] == ["not", "started", "prepare-data"]
    assert f"run run-1: {state.lower()}; failed tasks: train-teacher; " in answer.err
    assert "spectral-distill runs logs run-1" in answer.err


def test_waiting_says_once_that_tasks_may_be_stale_when_nothing_changes_for_minutes(
    server: Kfp, command: Command, recorded_package: Path
):
    running = ran(f"{GROUP}.train-teacher", "RUNNING", 3)
    server.progress = [("RUNNING", running)] * 60 + [("SUCCEEDED", running)]
    answer = command("submit", "--wait", "--pipeline", str(recorded_package))
    assert answer.out.count("No task has changed for some minutes") == 1
    assert "/#/runs/details/run-1" in answer.out.partition("No task has changed")[2]
    assert "running train-teacher" not in answer.out
    assert {line[0] for line in told(answer.out)} == {"unknown", "in", "succeeded"}  # "in" goes on with a sentence
    assert "KFP's API stopped updating the tasks" in answer.out


def test_waiting_for_minutes_in_which_tasks_change_says_nothing(server: Kfp, command: Command, recorded_package: Path):
    halves = [("RUNNING", ran(f"{GROUP}.{name}", "RUNNING", 3)) for name in ("prepare-data", "train-teacher")]
    server.progress = [halves[0]] * 30 + [halves[1]] * 30 + [("SUCCEEDED", [])]
    assert "No task has changed" not in command("submit", "--wait", "--pipeline", str(recorded_package)).out


def test_waiting_survives_a_server_that_restarts(server: Kfp, command: Command, package: Path):
    server.progress = [("RUNNING", []), ("SUCCEEDED", [])]
    down = [503] * 4  # more often than a request is tried

    def answer(request: Request) -> tuple[int, str, str] | None:
        asked = request.method == "GET" and request.path == f"{API}/runs/run-1" and len(server.progress) == 1
        return (down.pop(), "text/plain", "starting") if asked and down else None

    server.answer = answer
    assert command("submit", "--wait", "--pipeline", str(package)).code == 0
    assert not down


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--teacher-epochs", "0"], "teacher_epochs: found '0', expected greater than or equal to 1"),
        (["--candidates", "[{"], "candidates: not JSON"),
        (["--pipeline", "nope.yaml"], "--pipeline nope.yaml: cannot be read (No such file or directory); check"),
    ],
)
def test_what_can_be_refused_here_is_refused_before_anything_is_sent(
    server: Kfp, command: Command, arguments: list[str], expected: str
):
    answer = command("submit", *arguments)
    assert answer.code == 2
    assert answer.err.startswith(f"error: {expected}")
    assert not server.requests


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: [1", "found no compiled pipeline; make one with"),
        ("a: 1", "found no compiled pipeline; make one with"),
        ("", "found no compiled pipeline; make one with"),
        ("pipelineInfo: {name: x}\nroot: {}", "found no parameter seed_of_nothing"),
    ],
)
def test_a_file_that_is_not_this_pipeline_is_refused_before_anything_is_sent(
    server: Kfp, command: Command, tmp_path: Path, content: str, expected: str
):
    package = tmp_path / "other.yaml"
    package.write_text(content)
    answer = command("submit", "--pipeline", str(package), "--data", "x.csv")
    assert answer.code == 2
    assert f"--pipeline {package}: {expected.replace('seed_of_nothing', 'data')}" in answer.err
    assert not server.requests


def test_the_contract_refuses_what_the_api_does_not_take(kfp: Kfp):
    """The check can fail: the API has 64-bit numbers as text, and this is one as a number."""
    import urllib.error
    import urllib.request
    from os import environ

    request = urllib.request.Request(
        f"{environ['KF_PIPELINES_ENDPOINT']}{API}/recurringruns",
        data=b'{"max_concurrency": 1}',
        headers={"Content-Type": "application/json", "Authorization": "Bearer x"},
    )
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request)
    assert refusal.value.code == 422
    assert not kfp.requests
