"""The whole graph with data and results in S3 and a real MLflow server, read back through the services' own clients."""

import hashlib
import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from tests.integration.pipeline_runs import CLI, MODEL, SECRETS, Finished, Services
from tests.support.servers import model_server, postgres_binaries

pytestmark = pytest.mark.slow

TASKS = {"prepare_data", "train_teacher", "profile_teacher", "capture_signals", "compare_students", "promote_student"}


@pytest.fixture(scope="module")
def client(services: Services) -> MlflowClient:
    return MlflowClient(services.mlflow.url)


@pytest.fixture
def mlflow_environment(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """For MLflow's functions that take no address."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", services.mlflow.url)


@pytest.fixture(scope="module")
def runs(client: MlflowClient, tracked: Finished) -> list[Any]:
    experiment = client.get_experiment_by_name("spectral-distill")
    return client.search_runs([experiment.experiment_id], f"tags.`kfp.pipeline_run_id` = '{tracked.id}'")


def named(runs: list[Any], name: str) -> Any:
    (found,) = [run for run in runs if run.info.run_name == name]
    return found


def parent_of(runs: list[Any]) -> Any:
    (found,) = [run for run in runs if run.data.tags["spectral_distill.role"] == "pipeline"]
    return found


def students(finished: Finished) -> list[dict[str, Any]]:
    return [row["evaluation"] | {"name": row["student"]} for row in finished.leaderboard["rows"]]


def test_every_run_is_there_nested_and_finished(runs: list[Any], tracked: Finished) -> None:
    parent = parent_of(runs)
    nested = [run for run in runs if run is not parent]
    assert {run.info.run_name for run in nested} == TASKS | {student["name"] for student in students(tracked)}
    assert {run.data.tags["mlflow.parentRunId"] for run in nested} == {parent.info.run_id}
    assert parent.info.run_name.startswith("spectral-distill")
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_nothing_was_held_back(tracked: Finished) -> None:
    assert tracked.told("note") == []
    assert tracked.told("unlogged") == []


def test_every_metric_of_a_student_is_there(runs: list[Any], client: MlflowClient, tracked: Finished) -> None:
    for student in students(tracked):
        run = named(runs, student["name"])
        expected = {f"test.{name}": value for name, value in student["scores"].items()}
        expected |= {f"size.{name}": value for name, value in student["size"].items()}
        assert {name: run.data.metrics[name] for name in expected} == pytest.approx(expected)
        curve = client.get_metric_history(run.info.run_id, "validation.accuracy")
        assert len({point.step for point in curve}) == len(curve) > 1
        assert run.data.params["hp.layers"] in ("1", "2")


def test_the_pipeline_run_tells_where_it_came_from_and_what_came_out(runs: list[Any], tracked: Finished) -> None:
    parent = parent_of(runs)
    assert parent.data.params["hp.data"] == "s3://data/intents/intents.csv"
    assert "version_id" in parent.data.tags["spectral_distill.data_version"]
    assert parent.data.tags["spectral_distill.ship"] == tracked.leaderboard["verdict"]["ship"]
    assert parent.data.tags["spectral_distill.published"] == tracked.result["published"]
    assert parent.data.metrics["student.accuracy"] == pytest.approx(students(tracked)[0]["scores"]["accuracy"])


def test_artifacts_lie_in_s3_and_come_back_whole(
    runs: list[Any], client: MlflowClient, services: Services, tracked: Finished, tmp_path: Path
) -> None:
    parent = parent_of(runs)
    for name in ("leaderboard.json", "report.html"):
        original = (Path(tracked.result["comparison"]) / name).read_bytes()
        assert Path(client.download_artifacts(parent.info.run_id, name, str(tmp_path))).read_bytes() == original
        assert original in services.objects("mlflow").values()
    expected = {"prepare_data": {"data_card.json"}, "compare_students": {"leaderboard.json", "report.html"}}
    for task, names in expected.items():
        assert {file.path for file in client.list_artifacts(named(runs, task).info.run_id)} == names


def test_the_registered_version_holds_the_shipped_student(
    client: MlflowClient, mlflow_environment: None, tracked: Finished, tmp_path: Path
) -> None:
    version = client.get_model_version_by_alias(MODEL, "champion")
    assert int(version.version) == tracked.result["version"]
    assert version.tags["student"] == tracked.leaderboard["verdict"]["ship"]
    assert version.tags["published"] == tracked.result["published"]
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}@champion", dst_path=str(tmp_path)))
    (weights,) = folder.rglob("model.safetensors")
    assert weights.read_bytes() in local_weights(tracked)


def test_student_report_and_leaderboard_are_published(services: Services, tracked: Finished) -> None:
    prefix = tracked.result["published"].removeprefix("s3://results/")
    held = {
        key.removeprefix(f"{prefix}/"): content
        for key, content in services.objects("results").items()
        if key.startswith(f"{prefix}/")
    }
    sums = dict(reversed(line.split("  ", 1)) for line in held.pop("SHA256SUMS").decode().splitlines())
    assert {name: hashlib.sha256(content).hexdigest() for name, content in held.items()} == sums
    assert held["report.html"] == (Path(tracked.result["comparison"]) / "report.html").read_bytes()
    assert held["student/model.safetensors"] in local_weights(tracked)


def test_compare_and_predict_ask_the_server(services: Services, tracked: Finished, tmp_path: Path) -> None:
    here = ["--workspace", str(tmp_path)]
    assert tracked.leaderboard["verdict"]["ship"] in command(services, "compare", "--run", tracked.id, *here)
    label, confidence = command(services, "predict", "cancel my order", "--model", MODEL, *here).strip().split("\t")
    assert label in {"cancel", "refund", "track", "upgrade"}
    assert 0 < float(confidence) <= 1


def test_the_champion_is_served_over_http(services: Services, tracked: Finished, tmp_path: Path) -> None:
    texts = ["cancel my order", "can you find my parcel"]
    lines = command(services, "predict", *texts, "--model", MODEL, "--workspace", str(tmp_path)).splitlines()
    with model_server(f"models:/{MODEL}@champion", services.environment, tmp_path / "log") as url:
        request = urllib.request.Request(
            f"{url}/invocations", json.dumps({"inputs": texts}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            served = json.load(answer)["predictions"]
    for line, prediction in zip(lines, served, strict=True):
        label, confidence = line.split("\t")
        assert prediction["label"] == label
        assert prediction["score"] == pytest.approx(float(confidence), abs=1e-3)


def test_secrets_stay_with_who_has_them(services: Services, tracked: Finished) -> None:
    binaries = postgres_binaries()
    assert binaries is not None
    dumped = subprocess.run([str(binaries / "pg_dump"), services.database], check=True, capture_output=True).stdout
    assert tracked.id.encode() in dumped
    places = {
        "MLflow's database": dumped,
        "the terminal": (tracked.output + tracked.errors).encode(),
        **{str(path): path.read_bytes() for path in tracked.workspace.rglob("*") if path.is_file()},
        **services.objects("mlflow"),
        **services.objects("results"),
    }
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MLFLOW_TRACKING_PASSWORD"):
        assert [place for place, content in places.items() if SECRETS[name].encode() in content] == []


def local_weights(finished: Finished) -> list[bytes]:
    return [path.read_bytes() for path in finished.workspace.rglob("student/model.safetensors")]


def command(services: Services, *arguments: str) -> str:
    done = subprocess.run([*CLI, *arguments], capture_output=True, text=True, env=services.environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout
