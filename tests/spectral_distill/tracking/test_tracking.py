"""Tracking against a real SQLite store: which runs there are, and what they hold."""

from pathlib import Path

import pytest

from spectral_distill.tracking import pipeline_run as tracking
from spectral_distill.tracking.mlflow_runs import ROLE_TAG, RUN_ID_TAG


@pytest.fixture
def store(mlflow_uri: str, monkeypatch: pytest.MonkeyPatch):
    """A fresh store and a pipeline run in it; the client for reading back."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    monkeypatch.setenv("KFP_RUN_ID", "run-1")
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)
    from mlflow import MlflowClient

    return MlflowClient(mlflow_uri)


def runs(client, role: str) -> list:
    experiment = client.get_experiment_by_name("spectral-distill")
    return client.search_runs([experiment.experiment_id], f"tags.`{ROLE_TAG}` = '{role}'")


def test_without_mlflow_everything_is_silently_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with tracking.task_run("t", role="task") as run:
        run.metrics({"m": 1.0})
    assert run.run_id is None
    assert not list(tmp_path.iterdir())


def test_tasks_are_nested_below_one_parent(store):
    for name in ("a", "b"):
        with tracking.task_run(name, role="task"):
            pass
    (parent,) = runs(store, "pipeline")
    children = runs(store, "task")
    assert {child.info.run_name for child in children} == {"a", "b"}
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.info.run_id}
    assert {child.info.status for child in children} == {"FINISHED"}


def test_another_pipeline_run_has_another_parent(store, monkeypatch: pytest.MonkeyPatch):
    for name in ("run-1", "run-2"):
        monkeypatch.setenv("KFP_RUN_ID", name)
        with tracking.parent_run():
            pass
    assert {run.data.tags[RUN_ID_TAG] for run in runs(store, "pipeline")} == {"run-1", "run-2"}


def test_the_tasks_of_a_candidate_share_one_run(store):
    with tracking.task_run("uniform", role="candidate", candidate="uniform") as first:
        first.metrics({"train.loss": 0.5}, step=3)
    with tracking.task_run("uniform", role="candidate", candidate="uniform") as second:
        second.metrics({"test.accuracy": 0.9})
    (run,) = runs(store, "candidate")
    assert run.data.metrics == {"train.loss": 0.5, "test.accuracy": 0.9}


def test_a_failing_task_is_failed(store):
    with pytest.raises(ZeroDivisionError), tracking.task_run("t", role="task"):
        _ = 1 / 0
    assert runs(store, "task")[0].info.status == "FAILED"


def test_a_task_whose_pod_was_lost_goes_on_in_its_run(store):
    with pytest.raises(SystemExit), tracking.task_run("t", role="task"):
        raise SystemExit(137)
    with tracking.task_run("t", role="task"):
        pass
    (run,) = runs(store, "task")
    assert run.info.status == "FINISHED"


def test_an_interrupted_task_is_killed(store):
    with pytest.raises(KeyboardInterrupt), tracking.task_run("t", role="task"):
        raise KeyboardInterrupt
    assert runs(store, "task")[0].info.status == "KILLED"


def test_parameters_are_prefixed_and_a_second_value_does_not_break(store):
    with tracking.task_run("t", role="task") as run:
        run.parameters({"lr": 0.1})
        run.parameters({"lr": 0.2, "epochs": 3})
    assert runs(store, "task")[0].data.params == {"hp.lr": "0.1", "hp.epochs": "3"}


def test_only_finite_metrics_are_logged(store):
    with tracking.task_run("t", role="task") as run:
        run.metrics({"good": 1.5, "nan": float("nan"), "inf": float("inf"), "none": None})
    assert runs(store, "task")[0].data.metrics == {"good": 1.5}


def test_an_injected_run_is_joined(store, monkeypatch: pytest.MonkeyPatch):
    experiment = store.create_experiment("theirs")
    injected = store.create_run(experiment).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", injected)
    with tracking.task_run("t", role="task") as run:
        run.metrics({"m": 2.0})
    assert run.run_id == injected
    assert store.get_run(injected).data.metrics == {"m": 2.0}
    assert store.get_experiment_by_name("spectral-distill") is None


def test_files_land_beside_the_store(store, tmp_path: Path):
    (tmp_path / "note.txt").write_text("hello")
    with tracking.task_run("t", role="task") as run:
        run.file(tmp_path / "note.txt")
    assert [item.path for item in store.list_artifacts(run.run_id)] == ["note.txt"]
    assert list((tmp_path / "mlartifacts").rglob("note.txt"))


def test_the_pages_say_what_data_and_what_made_the_run(store):
    sources = {"data": "s3://bucket/intents/", "data_unlabelled": "log.csv", "data_out_of_scope": ""}
    versions = {"data": "sha256:" + "ab" * 32, "data_unlabelled": "sha256:cd", "data_out_of_scope": ""}
    tracking.open_run("", "", sources, versions, "digest", {})
    (parent,) = runs(store, "pipeline")
    (used,) = parent.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("intents", "ab" * 18)
    assert "s3://bucket/intents/" in used.dataset.source
    assert parent.data.tags["mlflow.source.name"] == "spectral-distill"
    experiment = store.get_experiment_by_name("spectral-distill")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
