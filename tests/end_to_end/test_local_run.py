"""The real graph, with kfp.local and real subprocesses, on a tiny encoder and a tiny table.

One module-scoped workspace is used for a first run, two reruns, and a run whose student is worse; the tests read what
these left: artifacts, MLflow, the terminal.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pandas as pd
import pyarrow as pa
import pytest
import torch
from datasets import load_from_disk
from mlflow import MlflowClient
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

pytestmark = pytest.mark.slow

MODEL = "tiny-student"
STEPS_OF_A_CANDIDATE = ("distill_student", "evaluate_students")
CANDIDATES = [
    {"strategy": "uniform", "layers": 2},
    {"strategy": "spectral_edges", "layers": 3, "alignment": "spectral"},
]


@dataclass(frozen=True)
class Run:
    """A finished `spectral-distill run`: what it printed and the events of its steps."""

    output: str
    events: list[dict]

    @property
    def result(self) -> dict:
        return next(event for event in self.events if event["event"] == "result")

    def steps(self) -> list[str]:
        return [event["step"] for event in self.events if event["event"] == "step_finished"]

    @property
    def report(self) -> Path:
        return Path(self.result["comparison"]) / "report.html"

    @property
    def leaderboard(self) -> dict:
        return json.loads((Path(self.result["comparison"]) / "leaderboard.json").read_text())


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("end-to-end") / "runs"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, tiny_csv: Path) -> Path:
    path = tmp_path_factory.mktemp("settings") / "tiny.yaml"
    values = {
        "data": str(tiny_csv), "teacher": str(tiny_checkpoint), "teacher_max_tokens": 16, "teacher_epochs": 15,
        "teacher_learning_rate": 0.005, "student_epochs": 8, "student_learning_rate": 0.005, "profile_examples": 40,
        "latency_batches": 5, "promotion_model": MODEL, "candidates": CANDIDATES,
    }  # fmt: skip
    path.write_text(json.dumps(values))
    return path


CLI = [sys.executable, "-m", "pipeline.cli"]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "KFP"))}


def command(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([*CLI, *arguments], capture_output=True, text=True, env=environment(), timeout=900)


def run_pipeline(workspace: Path, *arguments: str) -> Run:
    before = set((workspace / "logs").glob("*.events.jsonl"))
    done = command("run", "--workspace", str(workspace), *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    (events,) = set((workspace / "logs").glob("*.events.jsonl")) - before
    return Run(done.stdout, [json.loads(line) for line in events.read_text().splitlines()])


@pytest.fixture(scope="module")
def first(workspace: Path, settings: Path) -> Run:
    return run_pipeline(workspace, "--settings", str(settings))


@pytest.fixture(scope="module")
def unchanged(first: Run, workspace: Path, settings: Path) -> Run:
    return run_pipeline(workspace, "--settings", str(settings))


@pytest.fixture(scope="module")
def again(unchanged: Run, workspace: Path, settings: Path) -> Run:
    return run_pipeline(workspace, "--settings", str(settings), "--force")


@pytest.fixture(scope="module")
def worse(again: Run, workspace: Path, settings: Path) -> Run:
    """A student that has hardly been trained, from random-like weights: one layer, one epoch, hardly any step."""
    candidates = json.dumps([{"strategy": "first", "layers": 1}])
    return run_pipeline(
        workspace, "--settings", str(settings), "--candidates", candidates, "--student-epochs", "1",
        "--student-learning-rate", "1e-7",
    )  # fmt: skip


@pytest.fixture(scope="module")
def client(first: Run, workspace: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{workspace}/mlflow.db")


def test_every_step_ran(first: Run):
    expected = {
        "resolve_data", "prepare_data", "train_teacher", "profile_teacher", "capture_signals",
        "compare_students", "promote_student", "close_run", *STEPS_OF_A_CANDIDATE,
    }  # fmt: skip
    assert set(first.steps()) == expected
    for step in STEPS_OF_A_CANDIDATE:
        assert first.steps().count(step) == len(CANDIDATES)


def test_the_terminal_shows_leaderboard_report_and_how_to_open_mlflow(first: Run, workspace: Path):
    for expected in (
        "Leaderboard",
        "uniform-2L",
        str(first.report),
        f"mlflow ui --backend-store-uri sqlite:///{workspace}",
    ):
        assert expected in first.output
    assert "KFP Executor" not in first.output


def test_teacher_and_students_learned(first: Run):
    leaderboard = first.leaderboard
    assert leaderboard["teacher"]["scores"]["accuracy"] > 0.8
    assert leaderboard["rows"][0]["accuracy"] > 0.7


def test_artifacts_can_be_read_without_the_project(first: Run, workspace: Path):
    (root,) = (workspace / "artifacts").glob("spectral-distill-*/train-teacher")
    run = root.parent
    data = load_from_disk(run / "prepare-data" / "dataset" / "splits")
    assert set(data) == {"train", "validation", "test"}
    tokenizer = AutoTokenizer.from_pretrained(run / "train-teacher" / "teacher")
    teacher = AutoModelForSequenceClassification.from_pretrained(run / "train-teacher" / "teacher")
    answer = teacher(**tokenizer(data["test"]["text"][:2], padding=True, return_tensors="pt")).logits
    assert answer.shape == (2, 4)
    assert teacher.config.id2label[0] == data["train"].features["label"].names[0]
    with safe_open(run / "profile-teacher" / "profile" / "profile.safetensors", "pt") as arrays:
        assert "channel/state/raw/intensity" in arrays.keys()  # noqa: SIM118
    with pa.memory_map(str(run / "capture-signals" / "signals" / "signals.arrow")) as source:
        assert pa.ipc.open_file(source).read_all().num_rows == len(data["train"]) + len(data["validation"])
    predictions = pd.read_parquet(
        next((workspace / "artifacts").rglob("evaluate-students/evaluations/*/predictions.parquet"))
    )
    assert list(predictions["id"]) == data["test"]["id"]


def test_only_safetensors_are_written(first: Run, workspace: Path):
    strange = [path for path in workspace.rglob("*") if path.suffix in (".bin", ".pt", ".pkl", ".pickle", ".pth")]
    assert strange == []


def test_the_report_is_one_file_that_names_the_students(first: Run):
    report = first.report.read_text()
    assert "uniform-2L" in report
    assert "http://" not in report.replace("http://www.w3.org/", "")


def test_mlflow_has_a_parent_with_nested_runs_and_the_metrics(client: MlflowClient, first: Run):
    experiment = client.get_experiment_by_name("spectral-distill")
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if run.data.tags["spectral_distill.role"] == "pipeline"]
    students = [run for run in runs if run.data.tags["spectral_distill.role"] == "candidate"]
    assert {run.info.status for run in parents} == {"FINISHED"}
    for run in parents:
        if "spectral_distill.unchanged_since" in run.data.tags:
            continue
        assert run.data.metrics.keys() >= {"teacher.accuracy", "student.accuracy", "student.speedup"}
        assert "candidate" in run.data.tags["mlflow.note.content"] or "winner" in run.data.tags["mlflow.note.content"]
    assert {run.info.run_name for run in students} >= {"uniform-2L-s0", "spectral_edges-3L-spectral-s0"}
    for run in students:
        assert run.data.tags["mlflow.parentRunId"] in {parent.info.run_id for parent in parents}
        assert run.data.metrics.keys() >= {
            "train.loss",
            "validation.accuracy",
            "test.accuracy",
            "speed.batch_32.speedup",
        }
        assert run.data.params["hp.layers"] in ("1", "2", "3")
    history = client.get_metric_history(students[0].info.run_id, "train.loss")
    assert len(history) > 1


def test_the_winner_is_registered_with_signature_and_example(
    client: MlflowClient, first: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", client.tracking_uri)
    version = client.get_model_version(MODEL, str(first.result["version"]))
    assert version.tags["student"] == first.leaderboard["verdict"]["ship"]
    assert version.tags["data_version"].startswith("sha256:")
    assert "champion" in version.description
    info = mlflow.models.get_model_info(f"models:/{MODEL}/{first.result['version']}")
    assert info.signature is not None
    assert info.saved_input_example_info is not None
    answers = mlflow.pyfunc.load_model(info.model_uri).predict(["one text", "another text"])
    assert list(answers.columns) == ["label", "score"]
    assert len(answers) == 2


def test_a_rerun_with_nothing_changed_ends_early_and_shows_the_leaderboard_that_stands(
    first: Run, unchanged: Run, client: MlflowClient
):
    assert set(unchanged.steps()) == {"resolve_data", "close_run"}
    assert "Nothing has changed since" in unchanged.output
    for row in first.leaderboard["rows"]:
        assert row["configuration"] in unchanged.output
    assert int(client.get_model_version_by_alias(MODEL, "champion").version) == first.result["version"]


def test_a_forced_rerun_trains_nothing(first: Run, again: Run):
    assert set(again.steps()) == {"resolve_data", "promote_student", "close_run"}
    assert "train_teacher" in again.output
    assert "cached" in again.output
    assert again.leaderboard == first.leaderboard


def test_a_rerun_registers_nothing_twice(first: Run, again: Run, client: MlflowClient):
    assert again.result["version"] == first.result["version"]


def test_a_worse_student_becomes_challenger_and_the_report_says_why(worse: Run, first: Run, client: MlflowClient):
    assert worse.result["alias"] == "challenger"
    assert int(client.get_model_version_by_alias(MODEL, "champion").version) == first.result["version"]
    assert int(client.get_model_version_by_alias(MODEL, "challenger").version) == worse.result["version"]
    assert "is worse by more than the margin" in worse.report.read_text()


def test_a_change_for_students_leaves_the_teacher_cached(worse: Run):
    assert "train_teacher" not in worse.steps()
    assert "distill_student" in worse.steps()


def test_compare_prints_the_latest_leaderboard_from_mlflow(worse: Run, workspace: Path):
    done = command("compare", "--workspace", str(workspace))
    assert done.returncode == 0, done.stderr
    assert "first-1L" in done.stdout


def test_predict_answers_with_the_champion(worse: Run, workspace: Path, tiny_csv: Path):
    row = pd.read_csv(tiny_csv).iloc[0]
    done = command("predict", row["text"], "--model", MODEL, "--workspace", str(workspace))
    assert done.returncode == 0, done.stderr
    label, confidence = done.stdout.strip().split("\t")
    assert label in set(pd.read_csv(tiny_csv)["label"])
    assert 0 <= float(confidence) <= 1


def test_the_champion_can_be_imported_as_a_teacher(worse: Run, workspace: Path, settings: Path):
    """`models:/name@champion` without fine-tuning: its own scores are the champion's."""
    imported = run_pipeline(
        workspace, "--settings", str(settings), "--teacher", f"models:/{MODEL}@champion",
        "--teacher-fine-tune", "false",
        "--candidates", json.dumps([{"strategy": "last", "layers": 1}]),
    )  # fmt: skip
    champion = next(row for row in worse.leaderboard["promotion"].items() if row[0] == "champion_before")[1]
    assert imported.leaderboard["teacher"]["scores"]["accuracy"] == pytest.approx(champion["accuracy"])


def test_one_more_candidate_trains_only_itself(again: Run, workspace: Path, settings: Path):
    more = json.dumps([*CANDIDATES, {"strategy": "last", "layers": 1}])
    run = run_pipeline(workspace, "--settings", str(settings), "--candidates", more)
    restored = [event for event in run.events if "trained before" in event.get("message", "")]
    assert len(restored) == len(CANDIDATES)
    assert [row["accuracy"] for row in run.leaderboard["rows"] if row["configuration"] == "uniform-2L"] == [
        row["accuracy"] for row in again.leaderboard["rows"] if row["configuration"] == "uniform-2L"
    ]


def test_unlabelled_texts_join_what_the_teacher_answers(
    first: Run, workspace: Path, settings: Path, client: MlflowClient, tmp_path: Path
):
    log = tmp_path / "log.csv"
    log.write_text("text\nplease stop\nstop it please\nplease stop!\n")
    run = run_pipeline(workspace, "--settings", str(settings), "--data-unlabelled", str(log))
    root = Path(run.result["comparison"]).parents[1]
    data = load_from_disk(root / "prepare-data" / "dataset" / "splits")
    assert list(data["unlabelled"]["text"]) == ["please stop", "stop it please"]
    with pa.memory_map(str(root / "capture-signals" / "signals" / "signals.arrow")) as source:
        recorded = pa.ipc.open_file(source).read_all()["id"].to_pylist()
    expected = [id_ for name in ("train", "unlabelled", "validation") for id_ in data[name]["id"]]
    assert sorted(recorded) == sorted(expected)
    assert run.leaderboard["teacher"]["scores"]["accuracy"] == first.leaderboard["teacher"]["scores"]["accuracy"]
    assert sum("trained before" in event.get("message", "") for event in run.events) == 1, "the teacher alone"
    shipped = client.get_model_version(MODEL, str(run.result["version"]))
    assert shipped.tags["unlabelled_version"].startswith("sha256:")


def test_a_challenger_becomes_champion_when_the_margin_lets_it(worse: Run, workspace: Path, settings: Path):
    """It is registered already, and keeps its version."""
    candidates = json.dumps([{"strategy": "first", "layers": 1}])
    run = run_pipeline(
        workspace, "--settings", str(settings), "--candidates", candidates, "--student-epochs", "1",
        "--student-learning-rate", "1e-7", "--promotion-margin", "0.99",
    )  # fmt: skip
    assert "distill_student" not in run.steps()
    assert (run.result["version"], run.result["alias"]) == (worse.result["version"], "champion")


def test_a_killed_run_goes_on_and_ends_with_the_same_students(first: Run, settings: Path, tmp_path: Path):
    place = tmp_path / "runs"
    with subprocess.Popen(
        [*CLI, "run", "--workspace", str(place), "--settings", str(settings)], env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as running:  # fmt: skip
        wait_for_a_student_in_training(place, running)
        running.kill()
    resumed = run_pipeline(place, "--settings", str(settings))
    assert "train_teacher" not in resumed.steps()  # it was done
    whole, killed = student_weights(Path(first.result["comparison"])), student_weights(place)
    assert whole.keys() == killed.keys()
    for name, weights in whole.items():
        for key, tensor in weights.items():
            torch.testing.assert_close(killed[name][key], tensor, atol=1e-6, rtol=0)


def wait_for_a_student_in_training(place: Path, running: subprocess.Popen) -> None:
    """Until a student is past its first epoch, of 8."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and running.poll() is None:
        for file in (place / "logs").glob("*.events.jsonl"):
            events = [json.loads(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
            if any(event.get("what") == "distill" and event["done"] > event["total"] / 8 for event in events):
                return
        time.sleep(0.02)
    raise AssertionError("no student was seen in training")


def student_weights(place: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Weights by student's name, of all students of the run whose comparison, or whose workspace, this is."""
    root = place.parents[1] if place.name == "comparison" else place
    return {
        json.loads(about.read_text())["candidate"]["strategy"]: load_file(about.parent / "model.safetensors")
        for about in root.rglob("student/distillation.json")
    }
