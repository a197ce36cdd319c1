"""Every artifact of a run on disk: it comes back, keeps its field names, and is read without a model library."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spectral_distill.comparison.artifact import Comparison, DecisionSettings
from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import StudentOptions
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.distillation.signals_facts import Feature
from spectral_distill.distillation.student import StudentDescription
from spectral_distill.evaluation.artifact import (
    Evaluation,
    TeacherEvaluation,
    TeacherSettings,
    load_predictions,
    save_predictions,
)
from spectral_distill.selection.mapping import Selection, Selections
from spectral_distill.storage.artifacts import Artifact
from tests.support.artifacts import profile_facts, signals_facts, student_evaluation, tiny_card

CANDIDATE = Candidate(strategy="uniform", layers=1, seed=3)
SELECTION = Selection(strategy="average_pairs", depth=3, layers=[[(0, 0.25), (2, 0.75)]], scores=[0.5, 1.0, 2.0])
SIGNALS = signals_facts({"tokens": Feature(layers=[0, 2], width=32)}, gib={"tokens": 0.5}, checkpoints={"a": "1"})
SCORES = {"accuracy": 0.9, "macro_f1": 0.8, "ece": 0.1}


def evaluation() -> Evaluation:
    layers = [{"student_layer": 0, "teacher_layers": [[0, 0.25], [2, 0.75]], "channel": 0.1, "token": 0.2}]
    return student_evaluation(CANDIDATE, teacher_layers=[2], fidelity=layers, signals=SIGNALS)


def teacher() -> TeacherEvaluation:
    settings = TeacherSettings(teacher="demo:minilm", teacher_version="sha256:abc", teacher_epochs=2)
    return TeacherEvaluation.model_validate({"scores": SCORES | {"out_of_scope_auroc": 0.7}, "settings": settings})


def comparison() -> Comparison:
    gap = {"difference": -0.1, "low": -0.2, "high": 0.0, "p_holm": 0.04}
    row = {
        "rank": 1, "configuration": CANDIDATE.configuration, "student": CANDIDATE.name, "seeds": [3], "accuracy": 0.9,
        "accuracy_interval_over_seeds": [0.8, 0.95], "versus_teacher": gap, "versus_best": None,
        "evaluation": evaluation(),
    }  # fmt: skip
    verdict = {"winner": None, "tied": ["a", "b"], "ship": CANDIDATE.name, "reason": "the smallest"}
    promotion = {"alias": "champion", "reason": "better", "champion_before": {"version": 3, **SCORES}}
    return Comparison.model_validate(
        {
            "rows": [row],
            "verdict": verdict,
            "promotion": promotion,
            "teacher": teacher(),
            "data": tiny_card(),
            "settings": DecisionSettings(promotion_margin=0.01),
            "profile": profile_facts(depth=3),
        }
    )


def description() -> StudentDescription:
    return StudentDescription(
        candidate=CANDIDATE, selection=SELECTION, settings=StudentOptions(student_epochs=3), signals=SIGNALS
    )


ARTIFACTS: list[Artifact] = [
    tiny_card(), profile_facts(depth=3), Selections(selections={"a": SELECTION}), SIGNALS, description(), evaluation(),
    teacher(), comparison(),
]  # fmt: skip

pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda artifact: type(artifact).__name__)
def test_every_artifact_survives_the_disk(artifact: Artifact, tmp_path: Path) -> None:
    artifact.save(tmp_path)
    assert type(artifact).load(tmp_path) == artifact


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda artifact: type(artifact).__name__)
def test_every_artifact_refuses_another_schema_version(artifact: Artifact, tmp_path: Path) -> None:
    artifact.save(tmp_path)
    change(tmp_path / artifact.FILE, schema_version=99)
    with pytest.raises(UserError, match=r"found schema version 99, expected 1; run the step again"):
        type(artifact).load(tmp_path)


def test_an_artifact_within_another_has_its_schema_version_too(tmp_path: Path) -> None:
    comparison().save(tmp_path)
    old_card = tiny_card().model_dump(mode="json") | {"schema_version": 0}
    change(tmp_path / Comparison.FILE, data=old_card)
    with pytest.raises(UserError, match=r"data\.schema_version"):
        Comparison.load(tmp_path)


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def test_users_find_the_names_that_they_know(tmp_path: Path) -> None:
    """Scripts of users read these files."""
    comparison().save(tmp_path)
    board = json.loads((tmp_path / "leaderboard.json").read_text(encoding="utf-8"))
    assert board.keys() == {
        "schema_version", "rows", "verdict", "promotion", "teacher", "data", "settings", "profile"
    }  # fmt: skip
    assert board["rows"][0].keys() == {
        "rank", "configuration", "student", "seeds", "accuracy", "accuracy_interval_over_seeds", "versus_teacher",
        "versus_best", "evaluation",
    }  # fmt: skip
    assert board["promotion"]["champion_before"] == {"version": 3, **SCORES}
    found = board["rows"][0]["evaluation"]
    assert found.keys() == {
        "schema_version", "name", "configuration", "candidate", "settings", "signals", "scores", "size",
        "teacher_layers", "fidelity", "speed",
    }  # fmt: skip
    assert found["candidate"] == CANDIDATE.model_dump()
    assert "out_of_scope_auroc" not in found["scores"] and board["teacher"]["scores"]["out_of_scope_auroc"] == 0.7
    assert found["settings"].keys() == {
        "student_epochs", "student_learning_rate", "student_batch_size", "student_patience", "latency_batches"
    }  # fmt: skip


def test_metrics_have_the_names_that_mlflow_shows() -> None:
    metrics = evaluation().metrics()
    assert metrics["test.accuracy"] == 0.9 and metrics["size.teacher_bytes"] == 200
    assert metrics["speed.batch_32.speedup"] == 3.0 and "speed.batch_1.student_p95_ms" in metrics
    assert "test.out_of_scope_auroc" not in metrics


def test_a_candidate_is_read_where_its_strategy_is_not_installed(tmp_path: Path) -> None:
    description().save(tmp_path)
    foreign = {**CANDIDATE.model_dump(), "strategy": "not_installed.here:choose"}
    change(tmp_path / StudentDescription.FILE, candidate=foreign)
    made = StudentDescription.load(tmp_path).candidate
    assert (made.strategy, made.name) == ("not_installed.here:choose", "not_installed.here.choose-1L-s3")
    change(tmp_path / StudentDescription.FILE, candidate=foreign | {"colour": "red"})
    with pytest.raises(UserError, match="colour"):
        StudentDescription.load(tmp_path)


def test_predictions_survive_the_disk(tmp_path: Path) -> None:
    columns = {"id": ["1", "2"], "split": ["test", "out_of_scope"], "label": ["a", None], "confidence": [0.5, 0.25]}
    save_predictions(pd.DataFrame(columns), tmp_path)
    pd.testing.assert_frame_equal(load_predictions(str(tmp_path)), pd.DataFrame(columns))


_READ = """
import sys
from spectral_distill.comparison.artifact import Comparison
from spectral_distill.data.card import DataCard
from spectral_distill.distillation.signals_facts import SignalsFacts
from spectral_distill.distillation.student import StudentDescription
from spectral_distill.evaluation.artifact import TeacherEvaluation, load_predictions
from spectral_distill.selection.mapping import Selections
from spectral_distill.spectra.profile_facts import ProfileFacts

for kind in (Comparison, DataCard, SignalsFacts, StudentDescription, TeacherEvaluation, Selections, ProfileFacts):
    kind.load(sys.argv[1])
load_predictions(sys.argv[1])
print(sorted({"torch", "transformers", "datasets", "mlflow", "sklearn"} & sys.modules.keys()))
"""


def test_reading_needs_no_model_library(tmp_path: Path) -> None:
    for artifact in ARTIFACTS:
        artifact.save(tmp_path)
    save_predictions(pd.DataFrame({"id": ["1"]}), tmp_path)
    found = subprocess.run(
        [sys.executable, "-c", _READ, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120
    )
    assert found.stdout.strip() == "[]"
