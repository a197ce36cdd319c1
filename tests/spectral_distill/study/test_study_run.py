"""Whole studies of tiny models: what the table gets, how a killed one goes on, what is refused."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from filelock import FileLock

from pipeline.local.workspace import Workspace, open_workspace
from spectral_distill.core.errors import UserError
from spectral_distill.study.evidence import by_configuration
from spectral_distill.study.harness import run_study
from spectral_distill.study.plan import Plan
from spectral_distill.study.report import write_report
from spectral_distill.study.table import FROZEN, TEACHER, Row, append_row, pack
from spectral_distill.training import cache_folder as trainings_folder

pytestmark = pytest.mark.slow

STRATEGIES = ["uniform", "last"]


@pytest.fixture(scope="module")
def values(tiny_csv: Path, tiny_checkpoint: Path) -> dict:
    """Every pair of four layers, and what two strategies choose."""
    settings = {
        "data": str(tiny_csv), "teacher": str(tiny_checkpoint), "teacher_max_tokens": 16, "profile_examples": 32,
        "teacher_epochs": 2, "student_epochs": 2, "teacher_learning_rate": 1e-3, "student_learning_rate": 1e-3,
    }  # fmt: skip
    return {
        "settings": settings,
        "seeds": [0],
        "reference": "uniform-2L",
        "candidates": [
            {"strategy": STRATEGIES, "layers": 2},
            {"strategy": "manual", "layers": 2, "teacher_layers": "all"},
        ],
    }


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    place = open_workspace(str(tmp_path_factory.mktemp("study")))
    place.trainings.mkdir()
    return place


@pytest.fixture(autouse=True)
def _trainings(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(trainings_folder.VARIABLE, str(workspace.trainings))


@pytest.fixture(scope="module")
def table(values: dict, workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of a whole study."""
    path = tmp_path_factory.mktemp("studies") / "deep" / "tiny.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(trainings_folder.VARIABLE, str(workspace.trainings))
        run_study(Plan(**values), path, workspace.root)
    return path


@pytest.fixture
def copy(table: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(table, tmp_path))


def rows_of(table: Path, values: dict, workspace: Workspace) -> list[Row]:
    return run_study(Plan(**values), table, workspace.root)[0]


def test_a_study_has_its_anchors_and_every_student(table: Path, values: dict, workspace: Workspace):
    before = table.read_text()
    rows = by_configuration(rows_of(table, values, workspace))
    assert table.read_text() == before
    assert len(rows) == len([TEACHER, FROZEN, *STRATEGIES]) + 6
    assert rows[TEACHER][0].agreement == 1
    assert rows[TEACHER][0].accuracy > 0.5  # four labels: chance is 0.25
    assert rows["uniform-2L"][0].layers == [0, 3]
    assert rows["uniform-2L"][0].correct == rows["manual-2L-0-3"][0].correct
    assert rows["last-2L"][0].correct != rows["uniform-2L"][0].correct
    assert list(workspace.root.glob("study-*/")) == []


def test_the_page_shows_table_oracle_and_plot(table: Path, values: dict, workspace: Workspace, tmp_path: Path):
    plan = Plan(**values)
    write_report(plan, *run_study(plan, table, workspace.root), tmp_path, "tiny")
    page = (tmp_path / "tiny.md").read_text()
    assert "10 runs; seeds 0." in page
    assert "every way to keep 2 of 4 layers" in page
    assert page.count(" of 6 |") == len(STRATEGIES)
    assert (tmp_path / "tiny.png").stat().st_size > 0


@pytest.mark.filterwarnings("error:constrained_layout")
def test_a_single_student_has_a_picture(copy: Path, values: dict, workspace: Workspace, tmp_path: Path):
    plan = Plan(**values | {"candidates": [{"strategy": "uniform", "layers": 2}]})
    write_report(plan, *run_study(plan, copy, workspace.root), tmp_path, "single")
    assert (tmp_path / "single.png").stat().st_size > 0


def test_only_what_the_table_lacks_is_trained(copy: Path, values: dict, workspace: Workspace):
    *kept, gone = copy.read_text().splitlines(keepends=True)
    copy.write_text("".join(kept))
    rows_of(copy, values, workspace)
    assert copy.read_text().startswith("".join(kept))
    assert without_seconds(copy.read_text()) == without_seconds("".join([*kept, gone]))


def test_rows_that_the_plan_no_longer_has_stay_in_the_table_only(copy: Path, values: dict, workspace: Workspace):
    less = {**values, "candidates": [{"strategy": "uniform", "layers": 2}], "frozen_anchor": False}
    before = copy.read_text()
    assert [row.configuration for row in rows_of(copy, less, workspace)] == [TEACHER, "uniform-2L"]
    assert copy.read_text() == before


def test_rows_of_another_teacher_are_refused(values: dict, workspace: Workspace, table: Path, tmp_path: Path):
    teacher = by_configuration(rows_of(table, values, workspace))[TEACHER][0]
    other = teacher.hits ^ (np.arange(teacher.texts) < 3)
    foreign = tmp_path / "foreign.csv"
    append_row(foreign, replace(teacher, correct=pack(other), accuracy=round(float(other.mean()), 6)))
    before = foreign.read_text()
    with pytest.raises(UserError, match=r"its teacher and the one trained now differ on 3 of \d+ test texts"):
        rows_of(foreign, values, workspace)
    assert foreign.read_text() == before


def test_rows_of_other_layers_than_the_strategy_chooses_now_are_refused(copy: Path, values: dict, workspace: Workspace):
    copy.write_text(copy.read_text().replace(",last-2L,0,2 3,", ",last-2L,0,1 3,"))
    with pytest.raises(UserError, match=r"last-2L has the teacher's layers 1 3, but its strategy selects 2 3 now"):
        run_study(Plan(**values), copy, workspace.root)


def test_other_unlabelled_texts_make_another_study(copy: Path, values: dict, tmp_path: Path):
    """The folder where they lie plays no part."""
    logs = [tmp_path / folder / "log.csv" for folder in ("here", "there", "other")]
    for log, text in zip(logs, ("find it", "find it", "please stop"), strict=True):
        log.parent.mkdir()
        log.write_text(f"text\n{text}\n")
    less = {**values, "candidates": [{"strategy": "uniform", "layers": 2}], "frozen_anchor": False}
    plans = [less | {"settings": values["settings"] | {"data_unlabelled": str(log)}} for log in logs]
    place = open_workspace(str(tmp_path / "runs"))
    studies = [{row.study for row in rows_of(copy, plan, place)} for plan in (less, *plans)]
    assert len(set.union(*studies)) == 3
    assert studies[1] == studies[2]


def test_one_process_at_a_time(table: Path, values: dict, workspace: Workspace):
    (lock,) = workspace.root.glob("study-*.lock")
    with FileLock(lock), pytest.raises(UserError, match="another process runs a study with these settings there"):
        rows_of(table, values, workspace)


def test_a_bad_plan_is_refused_before_anything_is_trained(values: dict, workspace: Workspace, tmp_path: Path):
    place = open_workspace(str(tmp_path / "fresh"))
    for change, message in (
        ({"reference": "unifrm-2L"}, "reference: found 'unifrm-2L'"),
        ({"seeds": [-1]}, "seed: found -1"),
        ({"candidates": [{"strategy": "uniform", "layers": 9}]}, "layers: found 9, expected at most 4"),
    ):
        with pytest.raises(UserError, match=message):
            rows_of(tmp_path / "table.csv", values | change, place)
    assert not list(tmp_path.iterdir())


def test_a_killed_study_goes_on_to_the_same_table(values: dict, table: Path, tmp_path: Path):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(values))
    command = [Path(sys.executable).with_name("spectral-distill"), "study", "tiny.yaml", "--output", "."]
    environment = {name: text for name, text in os.environ.items() if name != trainings_folder.VARIABLE}
    running = subprocess.Popen(command, cwd=tmp_path, env=environment, start_new_session=True)
    found = tmp_path / "tiny.csv"
    while running.poll() is None and not (found.exists() and "uniform-2L" in found.read_text()):
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    before = found.read_text()
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert found.read_text().startswith(before)
    assert without_seconds(found.read_text()) == without_seconds(table.read_text())


def without_seconds(table: str) -> list[list[str]]:
    lines = [line.split(",") for line in table.splitlines()]
    column = lines[0].index("seconds")
    return [line[:column] + line[column + 1 :] for line in lines]
