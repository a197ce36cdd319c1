"""What `spectral-distill study` says to bad input, which its steps tell a log."""

from pathlib import Path

import pytest

from pipeline.cli import main

PLAN = """
settings: {label_column: intent}
seeds: [0]
reference: uniform-2L
candidates: [{strategy: uniform, layers: 2}]
"""


def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr("sys.argv", ["spectral-distill", "study", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_a_step_that_refuses_its_input_tells_the_user(monkeypatch, capsys, tmp_path: Path, tiny_csv: Path):
    monkeypatch.chdir(tmp_path)
    for name in ("SPECTRAL_DISTILL_EVENTS", "SPECTRAL_DISTILL_CHECKPOINTS"):
        monkeypatch.setenv(name, "")  # the command sets them; they go with the test
    (tmp_path / "plan.yaml").write_text(PLAN)
    line = refusal(monkeypatch, capsys, "plan.yaml", "--data", str(tiny_csv))
    assert line.startswith("error: prepare_data: ")
    assert "intent" in line
    assert not (tmp_path / "docs").exists()


def test_a_plan_that_is_not_there(monkeypatch, capsys, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    assert "plan.yaml: no such file" in refusal(monkeypatch, capsys, "plan.yaml")
    assert not list(tmp_path.iterdir())
