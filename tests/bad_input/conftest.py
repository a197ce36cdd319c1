"""Ways to hand bad input to the command line and to single steps, and what every refusal must look like."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from datasets import DatasetDict

from spectral_distill.core.errors import UserError
from spectral_distill.core.progress import EVENTS_FILE
from spectral_distill.data.dataset import save_intents
from tests.support.artifacts import tiny_card
from tests.support.refusals import one_line

_NEITHER_SET = ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME", "KFP_RUN_ID")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, no MLflow in the environment, and no retries where a server is missing."""
    for name in _NEITHER_SET:
        monkeypatch.setenv(name, "")  # remembers what to put back
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Call the command line with arguments that it must refuse; returns the one line."""
    from pipeline.cli import main

    def call(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["spectral-distill", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
        assert exit_.value.code == UserError.EXIT_CODE
        captured = capsys.readouterr()
        assert captured.out == ""
        return one_line(captured.err)

    return call


@pytest.fixture
def step_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Run a component's function with inputs that it must refuse; returns the one line. The event tells the same."""
    events = tmp_path / "events.jsonl"

    def call(component: Any, **inputs: Any) -> str:
        monkeypatch.setenv(EVENTS_FILE, str(events))
        with pytest.raises(SystemExit) as exit_:
            component.python_func(**inputs)
        assert exit_.value.code == UserError.EXIT_CODE
        line = one_line(capsys.readouterr().err)
        last = json.loads(events.read_text(encoding="utf-8").splitlines()[-1])
        assert last["event"] == "step_failed"
        assert line == f"error: {last['step']}: {last['message']}"
        return line

    return call


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, tiny_data: DatasetDict) -> Path:
    """The tiny intents as the artifact of `prepare_data`."""
    folder = tmp_path_factory.mktemp("prepared")
    save_intents(tiny_data, tiny_card(), folder)
    return folder


@pytest.fixture
def says() -> Callable[[str, Sequence[str]], None]:
    """Check that a line names these things in this order: what it is about, what was found, what was expected.

    Each is a whole word or more ("1" is not in "10"); how they are joined into a sentence is left to the messages.
    """

    def check(line: str, fields: Sequence[str]) -> None:
        start = 0
        for field in fields:
            found = _whole_words(field).search(line, start)
            assert found, f"{field!r} is not (in this order) in {line!r}"
            start = found.end()

    return check


def _whole_words(field: str) -> re.Pattern[str]:
    """The field, not begun or ended within a word."""
    before, after = r"(?<!\w)" * bool(re.match(r"\w", field)), r"(?!\w)" * bool(re.search(r"\w$", field))
    return re.compile(before + re.escape(field) + after)
