"""A real MLflow server that is down, comes back, or is shared by tasks that start at once."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from spectral_distill.core import waiting
from spectral_distill.core.errors import UserError
from spectral_distill.core.progress import EVENTS_FILE
from spectral_distill.models.text_classifier import TextClassifier
from spectral_distill.tracking import pipeline_run as tracking
from spectral_distill.tracking import registry
from tests.integration.pipeline_runs import CLI, Finished, Services, finish, read_events, start
from tests.support.faulty_proxy import Answer, FaultyProxy, faulty_proxy, late, refusal

pytestmark = pytest.mark.slow

EXPERIMENT = "trouble"
MODEL = "interrupted-student"
RETRIES = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0"}


@pytest.fixture(scope="module")
def client(services: Services) -> MlflowClient:
    return MlflowClient(services.mlflow.url)


@pytest.fixture
def proxy(services: Services, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[FaultyProxy]:
    """Tracking goes through it, in a pipeline run of the test's own."""
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    with faulty_proxy(services.mlflow.url) as between:
        own = {
            "MLFLOW_TRACKING_URI": between.url,
            "MLFLOW_EXPERIMENT_NAME": EXPERIMENT,
            "KFP_RUN_ID": request.node.name,
        }
        for name, value in {**own, **RETRIES}.items():
            monkeypatch.setenv(name, value)
        yield between


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[dict[str, Any]]]:
    """What the step told, by kind."""
    path = tmp_path / "events.jsonl"
    path.touch()
    monkeypatch.setenv(EVENTS_FILE, str(path))
    return lambda kind: [event for event in map(json.loads, path.read_text().splitlines()) if event["event"] == kind]


def runs_of(client: MlflowClient, pipeline_run: str, role: str) -> list[Any]:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    chosen = f"tags.`kfp.pipeline_run_id` = '{pipeline_run}' and tags.`spectral_distill.role` = '{role}'"
    return client.search_runs([experiment.experiment_id], chosen)


# A step and its server


def test_what_a_short_outage_kept_back_arrives_in_order_with_its_own_times(
    proxy: FaultyProxy, client: MlflowClient, events: Callable, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("hello")
    with tracking.task_run("t", role="task") as run:
        run.metrics({"loss": 3.0}, step=1)
        proxy.spoil(refusal(503, "ServiceUnavailable"))
        before = int(time.time() * 1000)
        run.metrics({"loss": 2.0}, step=2)
        run.metrics({"loss": 1.0}, step=3)
        run.file(tmp_path / "note.txt")
        after = int(time.time() * 1000)
        proxy.heal()
        time.sleep(0.01)
    curve = client.get_metric_history(run.run_id, "loss")
    assert [(point.step, point.value) for point in curve] == [(1, 3.0), (2, 2.0), (3, 1.0)]
    assert all(before <= point.timestamp <= after for point in curve[1:])
    assert [file.path for file in client.list_artifacts(run.run_id)] == ["note.txt"]
    assert client.get_run(run.run_id).info.status == "FINISHED"
    assert events("unlogged") == []


def test_a_step_ends_well_without_the_server_and_tells_what_it_lacks(proxy: FaultyProxy, events: Callable) -> None:
    with tracking.task_run("t", role="task") as run:
        proxy.spoil(refusal(503, "ServiceUnavailable"))
        for step in range(50):
            run.metrics({"loss": float(step)}, step=step)
    (unlogged,) = events("unlogged")
    assert unlogged["run"] == run.run_id
    points = [point for entry in unlogged["entries"] for point in entry.get("metrics", [])]
    curve = [(point["step"], point["values"]["loss"]) for point in points]
    assert curve == [(step, float(step)) for step in range(50)]
    assert any("it answers with errors; see the server's log" in note["message"] for note in events("note"))
    asked = sum("log-batch" in path for _, _, path in proxy.seen)
    assert asked == 4  # with one retry each: the first entry, and once more when the step ends


def test_what_the_server_refuses_for_good_does_not_keep_the_rest_back(
    proxy: FaultyProxy, client: MlflowClient, events: Callable
) -> None:
    with tracking.task_run("t", role="task") as run:
        run.tags({"x" * 1000: "no such long name"})
        run.metrics({"loss": 1.0})
    assert client.get_run(run.run_id).data.metrics == {"loss": 1.0}
    assert len(events("unlogged")[0]["entries"]) == 1


def test_a_step_does_not_begin_without_the_server(proxy: FaultyProxy) -> None:
    proxy.spoil(refusal(503, "ServiceUnavailable"))
    with pytest.raises(UserError, match="it answers with errors"), tracking.task_run("t", role="task"):
        raise AssertionError("begun")


def test_a_pipeline_run_that_cannot_be_closed_is_a_note(proxy: FaultyProxy, events: Callable) -> None:
    proxy.spoil(refusal(503, "ServiceUnavailable"))
    tracking.close_run("COMPLETE")
    assert "stays open there" in events("note")[0]["message"]


def test_the_registry_is_never_put_off(proxy: FaultyProxy) -> None:
    proxy.spoil(refusal(503, "ServiceUnavailable"))
    for ask in (
        lambda: registry.registered_version("m", "digest"),
        lambda: registry.aliased_version("m", "champion"),
        lambda: registry.set_alias("m", "champion", 1),
    ):
        with pytest.raises(UserError, match="it answers with errors"):
            ask()


# A server that is away for a while


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits, with short pauses, for a server that MLflow's client has given up on."""
    monkeypatch.setenv(waiting.VARIABLE, "120")
    monkeypatch.setattr(waiting, "_FIRST_PAUSE_S", 0.05)


def waits(events: Callable[[str], list[dict[str, Any]]]) -> list[str]:
    return [note["message"] for note in events("note") if "retrying in" in note["message"]]


def test_a_rollout_of_the_server_is_waited_for_at_a_steps_start_and_end(
    services: Services,
    proxy: FaultyProxy,
    client: MlflowClient,
    events: Callable,
    patient: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server is really down, and comes back only when the step was seen waiting for it."""

    def come_back_when_waited_for(told: int) -> threading.Thread:
        def come_back() -> None:
            deadline = time.monotonic() + 60
            while len(waits(events)) <= told and time.monotonic() < deadline:
                time.sleep(0.02)
            services.mlflow.start()

        services.mlflow.kill()
        thread = threading.Thread(target=come_back)
        thread.start()
        return thread

    monkeypatch.setenv("MLFLOW_TRACKING_URI", services.mlflow.url)
    back = come_back_when_waited_for(0)
    with tracking.task_run("t", role="task") as run:
        back.join()
        told = len(waits(events))
        assert f"MLflow at {services.mlflow.url}: not reachable" in waits(events)[0]
        back = come_back_when_waited_for(told)
        run.metrics({"loss": 1.0})
    back.join()
    assert len(waits(events)) > told
    assert client.get_run(run.run_id).data.metrics == {"loss": 1.0}
    assert client.get_run(run.run_id).info.status == "FINISHED"
    assert events("unlogged") == []


def test_a_step_that_fails_is_not_held_up_by_a_server_that_is_away(
    proxy: FaultyProxy, events: Callable, patient: None
) -> None:
    with pytest.raises(UserError, match="bad input"), tracking.task_run("t", role="task"):
        proxy.spoil(refusal(503, "ServiceUnavailable"))
        raise UserError("bad input")
    assert waits(events) == []
    assert events("unlogged")[0]["entries"][-1]["status"] == "FAILED"


def test_the_end_of_a_pipeline_run_waits_too(
    proxy: FaultyProxy, client: MlflowClient, events: Callable, patient: None
) -> None:
    with tracking.parent_run() as run:
        pass
    proxy.spoil(refusal(503, "ServiceUnavailable"), times=6)
    tracking.close_run("COMPLETE")
    assert waits(events)
    assert client.get_run(run.run_id).info.status == "FINISHED"


def test_the_registry_waits_too(proxy: FaultyProxy, events: Callable, patient: None) -> None:
    proxy.spoil(refusal(503, "ServiceUnavailable"), times=6)
    assert registry.registered_version("m", "digest") is None
    proxy.spoil(refusal(429, "TooManyRequests"), times=6)
    assert registry.aliased_version("m", "champion") is None
    assert len(waits(events)) >= 4


def test_a_version_is_registered_once_although_the_answer_was_lost(
    proxy: FaultyProxy,
    client: MlflowClient,
    patient: None,
    tiny_classifier: TextClassifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lose_answer(ask: Callable[[], Answer]) -> Answer:
        ask()
        return Answer(503, [], b"")

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tiny_classifier.model.save_pretrained(tmp_path)
    tiny_classifier.tokenizer.save_pretrained(tmp_path)
    proxy.spoil(refusal(503, "ServiceUnavailable"), "POST", "/logged-models", times=1)
    proxy.spoil(lose_answer, "POST", "/model-versions/create", times=1)
    with tracking.task_run("promote_student", role="promotion") as run:
        version = registry.register_model(
            name="once", folder=tmp_path, digest="d", run=run, metadata={"student": "tiny"}, description="tiny",
            example=["hello"], requirements=[],
        )  # fmt: skip
    (found,) = client.search_model_versions("name = 'once'")
    assert (int(found.version), found.description, found.tags["student"]) == (version, "tiny", "tiny")
    assert client.get_run(run.run_id).info.status == "FINISHED"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_not_waited_out(proxy: FaultyProxy, events: Callable, patient: None, status: int) -> None:
    proxy.spoil(refusal(status, "no"))
    with pytest.raises(UserError, match=f"failed with error code {status}"), tracking.task_run("t", role="task"):
        raise AssertionError("begun")
    assert waits(events) == []


# Whose run is whose


def test_tasks_that_start_at_once_agree_on_one_parent(proxy: FaultyProxy, client: MlflowClient) -> None:
    """The task that was first to want a parent is the last to get one made."""
    proxy.spoil(late(0.5), "POST", "/runs/create", times=1)
    barrier, parents = threading.Barrier(3), []

    def begin() -> None:
        barrier.wait()
        with tracking.parent_run() as run:
            parents.append(run.run_id)

    tasks = [threading.Thread(target=begin) for _ in range(3)]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()
    (parent,) = runs_of(client, "test_tasks_that_start_at_once_agree_on_one_parent", "pipeline")
    assert parents == [parent.info.run_id] * 3


def test_runs_that_kfps_plugin_made_are_joined(
    proxy: FaultyProxy, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the plugin nests them: pipeline run, loop, iteration, task; only the outermost has the KFP run's id."""
    experiment = client.create_experiment("KFP-Default")
    outer = client.create_run(experiment, tags={"kfp.pipeline_run_id": "injected"}).info.run_id
    above = outer
    for name in ("loop", "iteration", "distill-student"):
        above = client.create_run(experiment, tags={"mlflow.parentRunId": above}, run_name=name).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", above)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
    monkeypatch.setenv("KFP_RUN_ID", "injected")
    with tracking.task_run("uniform-2L", role="candidate", candidate="uniform-2L") as run:
        run.metrics({"test.accuracy": 0.9})
    with tracking.parent_run() as parent:
        parent.tags({"told": "yes"})
    assert (run.run_id, parent.run_id) == (above, outer)
    assert len(client.search_runs([experiment])) == 4
    assert client.get_run(above).data.metrics == {"test.accuracy": 0.9}
    assert client.get_run(above).data.tags["spectral_distill.candidate"] == "uniform-2L"


# The whole graph


@pytest.fixture(scope="module")
def arguments(settings: Path) -> list[str]:
    return ["--settings", str(settings), "--student-epochs", "12", "--promotion-model", MODEL]


@pytest.fixture(scope="module")
def interrupted(services: Services, arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run whose server is killed while the first student is in training."""
    workspace = tmp_path_factory.mktemp("interrupted") / "runs"
    running = start(workspace, {**services.environment, **RETRIES}, *arguments)
    wait_for_a_student_in_training(workspace, running)
    services.mlflow.kill()
    try:
        return finish(running, workspace)
    finally:
        services.mlflow.start()


@pytest.fixture(scope="module")
def resumed(services: Services, arguments: list[str], interrupted: Finished) -> Finished:
    return finish(start(interrupted.workspace, services.environment, *arguments), interrupted.workspace)


def wait_for_a_student_in_training(workspace: Path, running: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and running.poll() is None:
        if any(event.get("what") == "distill" for event in read_events(workspace)):
            return
        time.sleep(0.02)
    raise AssertionError("no student was seen in training")


def test_a_training_ends_well_when_the_server_dies(services: Services, interrupted: Finished) -> None:
    assert interrupted.steps().count("distill_student") == 1
    (unlogged,) = interrupted.told("unlogged")
    points = [point for entry in unlogged["entries"] for point in entry.get("metrics", [])]
    assert any("validation.accuracy" in point["values"] for point in points)


def test_the_run_stops_at_the_next_step_with_one_line(services: Services, interrupted: Finished) -> None:
    assert interrupted.exit_code == 2
    assert interrupted.errors.count("error: ") == 1
    assert f"MLflow at {services.mlflow.url}: not reachable; start it or change" in interrupted.errors


def test_the_next_run_trains_nothing_again_and_registers(
    services: Services, interrupted: Finished, resumed: Finished
) -> None:
    assert resumed.exit_code == 0, resumed.errors
    assert "train_teacher" not in resumed.steps()
    assert resumed.steps().count("distill_student") == 1  # the other one
    assert resumed.result["version"] > 0
    done = subprocess.run(
        [*CLI, "compare", "--run", resumed.id, "--workspace", str(resumed.workspace)],
        capture_output=True, text=True, env=services.environment, timeout=300,
    )  # fmt: skip
    for row in resumed.leaderboard["rows"]:
        assert row["student"] in done.stdout


def test_a_run_does_not_begin_without_the_server(services: Services, settings: Path, tmp_path: Path) -> None:
    environment = {**services.environment, **RETRIES, "MLFLOW_TRACKING_URI": "http://somebody:hidden@127.0.0.1:9"}
    workspace = tmp_path / "runs"
    refused = finish(start(workspace, environment, "--settings", str(settings)), workspace)
    assert refused.exit_code == 2
    assert "error: resolve_data: MLflow at http://127.0.0.1:9: not reachable" in refused.errors
    assert refused.steps() == ["close_run"]  # kfp.local runs the exit task although its group was skipped
    assert "hidden" not in refused.output + refused.errors


def test_the_registered_model_was_never_half_there(client: MlflowClient, resumed: Finished) -> None:
    versions = client.search_model_versions(f"name = '{MODEL}'")
    assert {version.status for version in versions} == {"READY"}
    assert all(version.tags["student"] for version in versions)
