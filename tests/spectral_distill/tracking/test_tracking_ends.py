"""From `open_run` to `close_run` against a real SQLite store: what MLflow shows of a pipeline run, and how it ends."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from spectral_distill.core.errors import UserError
from spectral_distill.tracking import mlflow_runs, registry
from spectral_distill.tracking import pipeline_run as tracking
from spectral_distill.tracking.ending import ENDED_TAG, FINISHED_TAG, UNCHANGED_TAG
from spectral_distill.tracking.history import MODEL_TAG, VERSION_TAG
from tests.support.recordings import recorded

# What a backend gave the exit handler of a run that SUCCEEDED with every task from the cache.
CACHED = {
    "error": {},
    "pipelineJobResourceName": "spectral-distill-xbbws",
    "pipelineTaskName": "exit-handler-1",
    "state": "RUNNING",
}
DAY_MS = 24 * 3600 * 1000
SOURCES = {"data": "demo:bike-share", "teacher": "demo:minilm", "out_of_scope_data": ""}
VERSIONS = {"data": "sha256:ab", "teacher": "sha256:cd", "out_of_scope_data": ""}
LINK = "https://kubeflow.example.org/#/runs/details/run-1"


@pytest.fixture(scope="module")
def uri(empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{shutil.copy(empty_mlflow, tmp_path_factory.mktemp('ends'))}"


@pytest.fixture
def client(uri: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> MlflowClient:
    """Of the store, where the test has an experiment of its own and is in pipeline run `run-1`."""
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "ML_PIPELINE_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", request.node.name)
    monkeypatch.setenv("KFP_RUN_ID", "run-1")
    monkeypatch.setattr(mlflow_runs, "_SETTLE_S", 0.0)
    return MlflowClient(uri)


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Open a pipeline run, and go on in it."""

    def call(pipeline_run: str = "run-1", *, name: str = "spectral-distill today", digest: str = "digest") -> None:
        monkeypatch.setenv("KFP_RUN_ID", pipeline_run)
        tracking.open_run(name, LINK, SOURCES, VERSIONS, digest, {})

    return call


def parent(client: MlflowClient, pipeline_run: str = "run-1") -> Any:
    (found,) = search(client, f"tags.`kfp.pipeline_run_id` = '{pipeline_run}' and {role('pipeline')}")
    return found


def children(client: MlflowClient, pipeline_run: str = "run-1") -> dict[str, Any]:
    runs = search(client, f"tags.`kfp.pipeline_run_id` = '{pipeline_run}'")
    return {run.info.run_name: run for run in runs if run.data.tags["spectral_distill.role"] != "pipeline"}


def search(client: MlflowClient, condition: str) -> list[Any]:
    experiment = client.get_experiment_by_name(mlflow_runs.experiment_name())
    return client.search_runs([experiment.experiment_id], condition)


def role(name: str) -> str:
    return f"tags.`spectral_distill.role` = '{name}'"


def task(name: str, *, fails: bool = False) -> None:
    try:
        with tracking.task_run(name, role="candidate", candidate=name) as run:
            run.metrics({"test.accuracy": 0.9})
            if fails:
                raise UserError("no")
    except UserError:
        pass


def lose_pod(client: MlflowClient, name: str) -> None:
    """As a killed container leaves its run behind."""
    task(name)
    client.update_run(children(client)[name].info.run_id, status="RUNNING")


# What the parent tells


def test_the_parent_has_the_name_and_the_links_of_the_run(client: MlflowClient, begin: Callable) -> None:
    begin(name="spectral-distill bike-share 12:00")
    found = parent(client)
    assert found.info.run_name == "spectral-distill bike-share 12:00"
    assert found.data.tags["kfp.pipeline_run_url"] == LINK
    assert f"[Run in Kubeflow Pipelines]({LINK})" in found.data.tags["mlflow.note.content"]
    assert found.data.tags["spectral_distill.digest"] == "digest"
    assert found.data.params == {"hp.data": "demo:bike-share", "hp.teacher": "demo:minilm"}


def test_without_a_name_and_a_link_there_is_a_parent_too(client: MlflowClient) -> None:
    tracking.open_run("", "", SOURCES, VERSIONS, "digest", {})
    assert parent(client).info.run_name == "pipeline run-1"
    assert "kfp.pipeline_run_url" not in parent(client).data.tags


def test_a_parent_that_kfps_plugin_made_keeps_its_name_and_its_link(
    client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the plugin nests them, and with nothing else in the environment than what it injects."""
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    experiment = client.create_experiment("of the plugin")
    tags = {"kfp.pipeline_run_id": "run-1", "kfp.pipeline_run_url": "https://plugin"}
    outer = client.create_run(experiment, tags=tags, run_name="theirs").info.run_id
    loop = client.create_run(experiment, tags={"mlflow.parentRunId": outer}).info.run_id
    own = client.create_run(experiment, tags={"mlflow.parentRunId": loop}, run_name="task").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", own)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
    tracking.open_run("ours", LINK, SOURCES, VERSIONS, "digest", {})
    with tracking.task_run("uniform", role="candidate", candidate="uniform") as run:
        run.metrics({"test.accuracy": 0.9})
    tracking.complete_run("cached", role="candidate", candidate="cached", metrics={"test.accuracy": 0.8})
    tracking.mark_finished({"alias": "champion"})
    assert [run.data.tags["spectral_distill.candidate"] for run in tracking.student_runs("run-1")] == [
        "uniform",
        "cached",
    ]
    tracking.close_run("COMPLETE")
    found = client.get_run(outer)
    assert (found.info.run_name, found.info.status) == ("theirs", "FINISHED")
    assert "https://plugin" in found.data.tags["mlflow.note.content"]
    assert client.get_run(loop).info.status == "RUNNING"  # the plugin's own to end
    assert client.get_experiment_by_name("spectral-distill") is None


def test_the_report_is_linked_when_it_is_there(client: MlflowClient, begin: Callable) -> None:
    begin()
    with tracking.parent_run() as run:
        run.describe("The first is the best.", report="report.html")
    found = parent(client)
    note = found.data.tags["mlflow.note.content"]
    assert LINK in note and "The first is the best." in note
    page = f"#/experiments/{found.info.experiment_id}/runs/{found.info.run_id}"
    assert f"[Report]({page}/artifacts/report.html)" in note


def test_a_refused_run_is_failed_and_says_why(client: MlflowClient) -> None:
    with pytest.raises(UserError, match=r"data\.csv: no such file"), tracking.failing_parent("named", LINK):
        raise UserError("data.csv: no such file")
    found = parent(client)
    assert (found.info.run_name, found.info.status) == ("named", "FAILED")
    assert "data.csv: no such file" in found.data.tags["mlflow.note.content"]
    assert found.data.tags[ENDED_TAG] == "data.csv: no such file"


# How it ends


@pytest.mark.parametrize("state", ["COMPLETE", "SUCCEEDED", CACHED["state"]])
def test_a_run_that_did_its_work_is_finished_whatever_kfp_says(
    client: MlflowClient, begin: Callable, state: str
) -> None:
    begin()
    task("uniform")
    tracking.mark_finished({"alias": "champion", "version": 3, "reason": "better", "published": ""})
    tracking.close_run(state)
    found = parent(client)
    assert found.info.status == "FINISHED"
    assert ENDED_TAG not in found.data.tags
    assert {found.data.tags[f"spectral_distill.{key}"] for key in ("alias", "version", "reason")} == {
        "champion",
        "3",
        "better",
    }


def test_a_failed_task_makes_the_run_failed_and_no_open_run_stays(client: MlflowClient, begin: Callable) -> None:
    begin()
    task("fails", fails=True)
    lose_pod(client, "beside it")
    task("done")
    tracking.close_run("FAILED")
    found = children(client)
    assert {name: run.info.status for name, run in found.items()} == {
        "fails": "FAILED",
        "beside it": "FAILED",
        "done": "FINISHED",
    }
    assert parent(client).info.status == "FAILED"
    assert parent(client).data.tags[ENDED_TAG] == "failed: fails"
    assert ENDED_TAG not in found["done"].data.tags


@pytest.mark.parametrize("state", ["FAILED", "RUNNING"])
def test_a_lost_pod_makes_the_run_failed(client: MlflowClient, begin: Callable, state: str) -> None:
    begin()
    lose_pod(client, "uniform")
    tracking.close_run(state)
    assert children(client)["uniform"].info.status == "FAILED"
    assert parent(client).info.status == "FAILED"
    assert "interrupted: uniform" in parent(client).data.tags[ENDED_TAG]


def test_a_driver_that_failed_makes_the_run_failed(client: MlflowClient, begin: Callable) -> None:
    """No nested run of its own tells of it, and KFP's final status stays RUNNING."""
    begin()
    task("uniform")
    tracking.close_run("RUNNING")
    assert parent(client).info.status == "FAILED"
    assert children(client)["uniform"].info.status == "FINISHED"


@pytest.mark.parametrize(
    ("state", "error"), [("CANCELED", ""), ("RUNNING", "workflow shutdown with strategy:  Terminate")]
)
def test_a_cancelled_run_is_killed(client: MlflowClient, begin: Callable, state: str, error: str) -> None:
    begin()
    lose_pod(client, "uniform")
    tracking.close_run(state, error)
    assert children(client)["uniform"].info.status == "KILLED"
    assert parent(client).info.status == "KILLED"


@pytest.fixture
def kfp_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A stand-in for KFP's API: answers by path, where Kubernetes tells pods in its namespace to find it."""
    answers: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path in answers
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(json.dumps(answers.get(self.path, {"error": "no such run"})).encode())

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    monkeypatch.setenv("ML_PIPELINE_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("ML_PIPELINE_SERVICE_PORT", str(server.server_port))
    yield answers
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("recording", "status"), [("cancelled", "KILLED"), ("failed-driver", "FAILED"), ("running", "FAILED")]
)
def test_where_kfps_api_can_be_asked_it_tells_cancelled_from_failed(
    client: MlflowClient, begin: Callable, kfp_api: dict[str, Any], recording: str, status: str
) -> None:
    begin()
    lose_pod(client, "uniform")
    kfp_api["/apis/v2beta1/runs/run-1"] = recorded(recording)
    tracking.close_run("RUNNING")
    assert parent(client).info.status == status
    assert children(client)["uniform"].info.status == status


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_an_api_that_does_not_answer_is_not_needed(
    client: MlflowClient, begin: Callable, kfp_api: dict[str, Any], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("ML_PIPELINE_SERVICE_HOST", host)
    begin()
    tracking.close_run("RUNNING")
    assert parent(client).info.status == "FAILED"


def test_a_run_that_is_repeated_ends_anew(client: MlflowClient, begin: Callable) -> None:
    """KFP's retry keeps the run's id, and does not repeat what succeeded."""
    begin()
    lose_pod(client, "uniform")
    tracking.close_run("RUNNING")
    task("uniform")
    tracking.mark_finished({})
    tracking.close_run("COMPLETE")
    assert children(client)["uniform"].info.status == "FINISHED"
    assert parent(client).info.status == "FINISHED"
    assert ENDED_TAG not in parent(client).data.tags


# What earlier runs left open


def left_open(client: MlflowClient, begin: Callable, pipeline_run: str, *, age_ms: int) -> Any:
    """A parent that started so long ago, and a nested run that did so a second later."""
    begin(pipeline_run)
    lose_pod_of(client, pipeline_run)
    started = int(time.time() * 1000) - age_ms
    for run, start in ((parent(client, pipeline_run), started), (children(client, pipeline_run)["uniform"], started)):
        backdate(run.info.run_id, start)
    return parent(client, pipeline_run)


def lose_pod_of(client: MlflowClient, pipeline_run: str) -> None:
    with tracking.task_run("uniform", role="candidate", candidate="uniform"):
        pass
    client.update_run(children(client, pipeline_run)["uniform"].info.run_id, status="RUNNING")


def backdate(run_id: str, start: int) -> None:
    """MLflow's API sets no start time afterwards: its table does."""
    from sqlalchemy import create_engine, text

    engine = create_engine(mlflow.get_tracking_uri())
    with engine.begin() as connection:
        connection.execute(
            text("update runs set start_time = :start, end_time = null where run_uuid = :run"),
            {"start": start, "run": run_id},
        )
    engine.dispose()


def test_what_an_earlier_run_left_open_is_ended(client: MlflowClient, begin: Callable) -> None:
    old = left_open(client, begin, "old", age_ms=2 * DAY_MS)
    begin("new")
    ended = parent(client, "old")
    assert ended.info.status == "KILLED"
    assert "ended by pipeline run new" in ended.data.tags[ENDED_TAG]
    assert ended.info.end_time == old.info.start_time
    assert children(client, "old")["uniform"].info.status == "KILLED"
    assert parent(client, "new").info.status == "RUNNING"


def test_an_earlier_run_with_a_failed_task_is_failed(client: MlflowClient, begin: Callable) -> None:
    left_open(client, begin, "old", age_ms=2 * DAY_MS)
    client.set_terminated(
        children(client, "old")["uniform"].info.run_id, "FAILED", int(time.time() * 1000) - DAY_MS - 1
    )
    begin("new")
    assert parent(client, "old").info.status == "FAILED"


@pytest.mark.parametrize("sign_of_life", ["young", "metric", "task"])
def test_a_run_of_which_something_was_heard_goes_on(
    client: MlflowClient, begin: Callable, monkeypatch: pytest.MonkeyPatch, sign_of_life: str
) -> None:
    left_open(client, begin, "old", age_ms=DAY_MS // 2 if sign_of_life == "young" else 2 * DAY_MS)
    if sign_of_life == "metric":
        client.log_metric(children(client, "old")["uniform"].info.run_id, "loss", 1.0)
    if sign_of_life == "task":
        with tracking.task_run("just begun", role="task"):
            pass
    begin("new")
    assert parent(client, "old").info.status == "RUNNING"
    assert children(client, "old")["uniform"].info.status == "RUNNING"


# Nothing new


@pytest.fixture
def finished(client: MlflowClient, begin: Callable, request: pytest.FixtureRequest) -> Callable[..., str]:
    """A pipeline run that registered a version and ended well: its parent's run id."""
    model = request.node.name

    def call(pipeline_run: str, digest: str = "digest") -> str:
        begin(pipeline_run, name=f"named {pipeline_run}", digest=digest)
        if not client.search_registered_models(f"name = '{model}'"):
            client.create_registered_model(model)
        version = client.create_model_version(model, f"/{pipeline_run}").version
        tracking.mark_finished({"registered_model": model, "version": version})
        tracking.close_run("COMPLETE")
        return str(parent(client, pipeline_run).info.run_id)

    return call


def test_the_newest_run_with_the_same_inputs_is_found(
    client: MlflowClient, begin: Callable, finished: Callable[..., str]
) -> None:
    finished("first")
    second = finished("second")
    finished("other inputs", digest="another digest")
    begin("now")
    earlier = tracking.unchanged_since("digest")
    assert earlier is not None
    assert (earlier.run_id, earlier.name, earlier.pipeline_run) == (second, "named second", "second")
    assert earlier.finished.timestamp() * 1000 == pytest.approx(client.get_run(second).info.end_time)
    assert earlier.link == ""  # no server


def test_a_run_that_found_nothing_new_says_so_and_refers_to_the_one_with_the_results(
    client: MlflowClient, begin: Callable, finished: Callable[..., str]
) -> None:
    first = finished("first")
    begin("second")
    tracking.mark_unchanged(tracking.unchanged_since("digest"))
    tracking.close_run(CACHED["state"])
    told = parent(client, "second")
    assert told.info.status == "FINISHED"
    assert told.data.tags[UNCHANGED_TAG] == first
    assert "Nothing has changed since [named first](#/experiments/" in told.data.tags["mlflow.note.content"]
    begin("third")
    earlier = tracking.unchanged_since("digest")
    assert earlier is not None and earlier.run_id == first


@pytest.mark.parametrize("case", ["failed", "never finished", "version deleted", "itself"])
def test_no_run_is_found_where_its_results_do_not_hold(
    client: MlflowClient, begin: Callable, finished: Callable[..., str], case: str
) -> None:
    run_id = finished("first")
    if case == "failed":
        client.set_terminated(run_id, "FAILED")
    if case == "never finished":
        client.delete_tag(run_id, FINISHED_TAG)
    if case == "version deleted":
        tags = client.get_run(run_id).data.tags
        client.delete_model_version(tags[MODEL_TAG], tags[VERSION_TAG])
        assert not registry.has_version(tags[MODEL_TAG], int(tags[VERSION_TAG]))
    begin("first" if case == "itself" else "now")
    assert tracking.unchanged_since("digest") is None


def test_without_mlflow_nothing_is_found_and_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    tracking.open_run("name", LINK, SOURCES, VERSIONS, "digest", {})
    assert tracking.unchanged_since("digest") is None
    tracking.complete_run("t", role="teacher", metrics={"test.accuracy": 1.0})
    tracking.mark_finished({"alias": "champion"})
    tracking.close_run("COMPLETE")
    with pytest.raises(UserError, match="no"), tracking.failing_parent():
        raise UserError("no")


# A parent stands alone


def test_a_task_from_the_cache_gets_a_run_with_its_numbers(client: MlflowClient, begin: Callable) -> None:
    begin()
    numbers = {"test.accuracy": 0.8, "size.bytes": 10.0, "nothing": None}
    tracking.complete_run("train_teacher", role="teacher", metrics=numbers)
    tracking.complete_run("last-1L", role="candidate", candidate="last-1L", metrics={"test.accuracy": 0.7})
    found = children(client)
    assert found["train_teacher"].data.metrics == {"test.accuracy": 0.8, "size.bytes": 10.0}
    assert {run.data.tags["mlflow.parentRunId"] for run in found.values()} == {parent(client).info.run_id}
    assert {run.data.tags[tracking.FROM_CACHE_TAG] for run in found.values()} == {"true"}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert [run.info.run_name for run in tracking.student_runs("run-1")] == ["last-1L"]
    assert tracking.teacher_scores("run-1") == {"accuracy": 0.8, "bytes": 10.0}
    assert tracking.teacher_scores("another") is None


def test_a_task_that_ran_gets_only_what_its_run_lacks(client: MlflowClient, begin: Callable) -> None:
    begin()
    task("uniform")
    for _ in range(2):  # a second attempt adds nothing
        tracking.complete_run(
            "uniform", role="candidate", candidate="uniform", metrics={"test.accuracy": 0.1, "gap": -0.2}
        )
    (run,) = children(client).values()
    assert run.data.metrics == {"test.accuracy": 0.9, "gap": -0.2}
    assert tracking.FROM_CACHE_TAG not in run.data.tags
    assert len(client.get_metric_history(run.info.run_id, "gap")) == 1
