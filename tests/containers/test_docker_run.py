"""The real graph in real containers: what comes out is what subprocesses make, bit by bit."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from mlflow import MlflowClient
from safetensors.torch import load_file

from tests.support.models import same_weights
from tests.support.refusals import one_line

pytestmark = pytest.mark.slow

RUN = [sys.executable, "-m", "pipeline.cli", "run", "--settings", "settings.yaml"]
SOMEONE = 1000
"""Owner of the workspace, and so of the tasks, where root runs the tests."""
SECRET = "a-secret-key-that-no-log-may-show"
MEASURED = ("speed", "speedup", "latency", "_ms", "seconds", "time")


@dataclass(frozen=True)
class Run:
    output: str
    workspace: Path
    log: str
    events: list[dict[str, Any]]

    def steps(self) -> list[str]:
        return [event["step"] for event in self.events if event["event"] == "step_finished"]

    @property
    def artifacts(self) -> Path:
        comparison = next(event["comparison"] for event in self.events if event["event"] == "result")
        return Path(comparison).parents[1]

    def json(self, name: str) -> Any:
        """Paths of the settings are absolute in containers; here they are as in the settings."""
        return json.loads((self.artifacts / name).read_text().replace(f"{self.workspace.parent}/", ""))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, tiny_csv: Path) -> Path:
    """A folder with data, a teacher and settings that name them by relative paths, readable by all."""
    place = tmp_path_factory.mktemp("containers")
    shutil.copytree(tiny_checkpoint, place / "teacher")
    shutil.copy(tiny_csv, place / "intents.csv")
    settings = {
        "data": "intents.csv", "teacher": "teacher", "teacher_max_tokens": 16, "teacher_epochs": 5, "student_epochs": 3,
        "teacher_learning_rate": 0.005, "student_learning_rate": 0.005, "profile_examples": 40, "latency_batches": 5,
        "promotion_model": "tiny-student",
        "candidates": [
            {"strategy": "uniform", "layers": 2},
            {"strategy": "spectral_edges", "layers": 3, "alignment": "spectral"},
        ],
    }  # fmt: skip
    (place / "settings.yaml").write_text(json.dumps(settings))
    for path in (place, *place.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return place


def run_pipeline(place: Path, workspace: str, *arguments: str) -> Run:
    root = place / workspace
    before = set(root.glob("logs/*"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "KFP", "AWS"))}
    done = subprocess.run(
        [*RUN, "--workspace", workspace, *arguments],
        cwd=place, env={**environment, "AWS_SECRET_ACCESS_KEY": SECRET}, capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    log, events = sorted(set(root.glob("logs/*")) - before, key=lambda path: path.suffix != ".log")
    return Run(done.stdout, root, log.read_text(), [json.loads(line) for line in events.read_text().splitlines()])


@pytest.fixture(scope="module")
def contained(reference: str, place: Path) -> Run:
    root = place / "contained"
    root.mkdir()
    if os.getuid() == 0:
        os.chown(root, SOMEONE, SOMEONE)
    return run_pipeline(place, "contained", "--runner", "docker", "--image", reference)


@pytest.fixture(scope="module")
def plain(reference: str, place: Path) -> Run:
    return run_pipeline(place, "plain")


def test_every_step_ran_and_was_shown(contained: Run, plain: Run):
    assert contained.steps() == plain.steps()
    for step in contained.steps():
        assert f"✓ {step}" in contained.output
    assert "Leaderboard" in contained.output
    assert any(event["event"] == "progress" for event in contained.events)


def test_all_weights_are_equal(contained: Run, plain: Run):
    files = sorted(path.relative_to(plain.artifacts) for path in plain.artifacts.rglob("model.safetensors"))
    assert len(files) == 3  # the teacher and two students
    for file in files:
        assert same_weights(load_file(contained.artifacts / file), load_file(plain.artifacts / file)), file


def test_all_predictions_are_equal(contained: Run, plain: Run):
    files = sorted(path.relative_to(plain.artifacts) for path in plain.artifacts.rglob("predictions.parquet"))
    assert len(files) == 3
    for file in files:
        pd.testing.assert_frame_equal(
            pd.read_parquet(contained.artifacts / file), pd.read_parquet(plain.artifacts / file), check_exact=True
        )


def test_profile_selection_and_signals_are_equal(contained: Run, plain: Run):
    profile = "profile-teacher/profile/profile.safetensors"
    first, second = load_file(contained.artifacts / profile), load_file(plain.artifacts / profile)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name].nan_to_num(), second[name].nan_to_num()) for name in first)
    assert files_below(contained.artifacts / "capture-signals/signals") == files_below(
        plain.artifacts / "capture-signals/signals"
    )


def test_the_leaderboard_is_equal_but_for_what_was_measured(contained: Run, plain: Run):
    name = "compare-students/comparison/leaderboard.json"
    first, second = without_measurements(contained.json(name)), without_measurements(plain.json(name))
    assert "accuracy" in json.dumps(first)
    assert first == second


def test_a_rerun_is_answered_from_the_cache(contained: Run, place: Path, reference: str):
    again = run_pipeline(place, "contained", "--runner", "docker", "--image", reference, "--force")
    assert set(again.steps()) == {"resolve_data", "promote_student", "close_run"}
    assert again.artifacts == contained.artifacts


def test_tasks_run_as_the_workspace_s_owner_and_not_as_root(contained: Run):
    expected = os.getuid() or SOMEONE
    assert {path.stat().st_uid for path in contained.artifacts.rglob("*")} == {expected}


def test_mlflow_in_the_workspace_knows_the_run_and_the_image(contained: Run, image: Any):
    client = MlflowClient(f"sqlite:///{contained.workspace}/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("spectral-distill").experiment_id])
    parents = [run for run in runs if run.data.tags["spectral_distill.role"] == "pipeline"]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.tags["spectral_distill.image"] for run in parents} == {image.id}
    assert int(client.get_model_version_by_alias("tiny-student", "champion").version) == 1


def test_no_secret_is_logged(contained: Run):
    assert SECRET not in contained.log
    assert SECRET not in json.dumps(contained.events)
    assert SECRET not in contained.output


def test_no_container_is_left(contained: Run, client: Any, image: Any):
    assert client.containers.list(all=True, filters={"ancestor": image.id}) == []


def test_bad_input_found_in_a_container_is_one_line(place: Path, reference: str):
    done = subprocess.run(
        [*RUN, "--workspace", "refused", "--runner", "docker", "--image", reference, "--data", "missing.csv"],
        cwd=place, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 2
    assert one_line(done.stderr).startswith("error: resolve_data: missing.csv: no such file or folder")


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def without_measurements(value: Any) -> Any:
    """The same JSON without times and speeds."""
    if isinstance(value, dict):
        kept = {key: inner for key, inner in value.items() if not any(word in key for word in MEASURED)}
        return {key: without_measurements(inner) for key, inner in kept.items()}
    return [without_measurements(inner) for inner in value] if isinstance(value, list) else value
