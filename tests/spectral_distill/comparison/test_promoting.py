"""What a run with every task from the cache leaves in MLflow: all that a comparison needs, and the decision."""

from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from spectral_distill.comparison.artifact import REPORT, Comparison, DecisionSettings
from spectral_distill.comparison.promoting import Outcome, promote
from spectral_distill.core.settings import PublishingOptions, StudentOptions
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.distillation.student import StudentDescription
from spectral_distill.selection.mapping import Selection
from spectral_distill.storage import uris as storage
from spectral_distill.tracking import mlflow_runs
from spectral_distill.tracking import pipeline_run as tracking
from tests.support.artifacts import profile_facts, signals_facts, student_evaluation, tiny_card

MODEL = "intents"
CANDIDATES = [Candidate(strategy="uniform", layers=2), Candidate(strategy="last", layers=1)]
ACCURACY = {CANDIDATES[0].name: 0.9, CANDIDATES[1].name: 0.8}
TEACHER = {"accuracy": 0.95, "macro_f1": 0.94, "ece": 0.1}


@pytest.fixture
def client(mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME", "ML_PIPELINE_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_uri)
    monkeypatch.setenv("KFP_RUN_ID", "cached")
    monkeypatch.setattr(mlflow_runs, "_SETTLE_S", 0.0)
    return MlflowClient(mlflow_uri)


@pytest.fixture
def students(tmp_path: Path) -> list[Path]:
    """Folders as far as promoting a student reads them."""
    folders = []
    for candidate in CANDIDATES:
        folder = tmp_path / candidate.name
        folder.mkdir()
        layers = [[(index, 1.0)] for index in range(candidate.layers)]
        selection = Selection(strategy=candidate.strategy, depth=4, layers=layers)
        StudentDescription(
            candidate=candidate, selection=selection, settings=StudentOptions(), signals=signals_facts({})
        ).save(folder)
        folders.append(folder)
    return folders


@pytest.fixture
def comparison(tmp_path: Path) -> Path:
    folder = tmp_path / "comparison"
    folder.mkdir()
    decision = {"alias": "champion", "reason": "the first one", "champion_before": None}
    ships = CANDIDATES[0].name
    leaderboard = {
        "rows": [row(rank, candidate) for rank, candidate in enumerate(CANDIDATES, start=1)],
        "verdict": {"winner": None, "tied": [], "ship": ships, "reason": f"{ships} is better."},
        "promotion": decision,
        "teacher": {"scores": TEACHER, "settings": {"teacher": "demo:minilm", "teacher_version": "1"}},
        "data": tiny_card(),
        "settings": DecisionSettings(promotion_model=MODEL),
        "profile": profile_facts(),
    }
    Comparison.model_validate(leaderboard).save(folder)
    (folder / REPORT).write_text("<h1>Report</h1>", encoding="utf-8")
    return folder


def row(rank: int, candidate: Candidate) -> dict[str, Any]:
    name, accuracy = candidate.name, ACCURACY[candidate.name]
    gap = {"difference": accuracy - TEACHER["accuracy"], "low": -0.2, "high": 0.0, "p_holm": 0.5}
    scores = {**TEACHER, "accuracy": accuracy, "retention": accuracy / TEACHER["accuracy"], "agreement": 0.85}
    return {
        "rank": rank, "student": name, "configuration": name, "seeds": [0], "accuracy": accuracy,
        "accuracy_interval_over_seeds": None, "versus_teacher": gap, "versus_best": None,
        "evaluation": student_evaluation(candidate, scores=scores),
    }  # fmt: skip


def promote_registered(client: MlflowClient, comparison: Path, students: list[Path], data: Path) -> Outcome:
    """As a run does whose student an earlier one has registered."""
    digest = storage.version(str(students[0]))
    client.create_registered_model(MODEL)
    client.create_model_version(MODEL, str(students[0]), tags={"spectral_distill.digest": digest})
    client.set_registered_model_alias(MODEL, "champion", "1")
    with tracking.task_run("promote_student", role="promotion") as run:
        return promote(
            comparison=str(comparison),
            students=[str(folder) for folder in students],
            data=str(data),
            options=PublishingOptions(promotion_publish_to=""),
            run=run,
        )


def test_the_parent_of_a_cached_run_stands_alone(
    client: MlflowClient, comparison: Path, students: list[Path], tmp_path: Path
) -> None:
    outcome = promote_registered(client, comparison, students, tmp_path)
    assert (outcome.version, outcome.alias, outcome.reason) == (1, "champion", "registered before")
    found = tracking.student_runs("cached")
    assert {run.info.run_name: run.data.metrics["test.accuracy"] for run in found} == ACCURACY
    needed = {"test.retention", "test.agreement", "speed.batch_32.speedup", "size.bytes", "versus_teacher.difference"}
    assert all(needed <= run.data.metrics.keys() for run in found)
    assert tracking.teacher_scores("cached") == {"accuracy": TEACHER["accuracy"], "bytes": 200.0}


def test_the_decision_is_in_tags_and_in_words_and_the_run_counts_as_finished(
    client: MlflowClient, comparison: Path, students: list[Path], tmp_path: Path
) -> None:
    promote_registered(client, comparison, students, tmp_path)
    tracking.close_run("RUNNING")
    experiment = client.get_experiment_by_name("spectral-distill").experiment_id
    (parent,) = client.search_runs([experiment], "tags.`spectral_distill.role` = 'pipeline'")
    assert parent.info.status == "FINISHED"
    decided = {key: parent.data.tags[f"spectral_distill.{key}"] for key in ("alias", "reason", "version", "ship")}
    assert decided == {
        "alias": "champion",
        "reason": "registered before",
        "version": "1",
        "ship": CANDIDATES[0].name,
    }
    assert not decided.keys() & parent.data.metrics.keys()
    note = parent.data.tags["mlflow.note.content"]
    assert f"{CANDIDATES[0].name} is registered as {MODEL} version 1 (champion): registered before." in note
    assert "/artifacts/report.html)" in note
    assert {file.path for file in client.list_artifacts(parent.info.run_id)} == {"leaderboard.json", "report.html"}
