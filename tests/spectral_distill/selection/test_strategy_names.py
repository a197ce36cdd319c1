"""Whose strategies change what the local cache may serve."""

from pathlib import Path

import pytest

from spectral_distill.selection.registry import foreign_code, known_strategies


def test_own_strategies_are_part_of_the_projects_code():
    assert foreign_code(known_strategies()) == ""


def test_a_strategy_may_be_any_callable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_callables_under_test.py").write_text("import functools\nchoose = functools.partial(max, 1)\n")
    assert foreign_code(["my_callables_under_test:choose"]) != ""


def test_an_edited_strategy_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "my_strategies_under_test.py"
    file.write_text("def choose(profile, candidate): return [[(0, 1.0)]]\n")
    name = "my_strategies_under_test:choose"
    before = foreign_code([name, "uniform"])
    assert before == foreign_code(["uniform", name, name])
    file.write_text("def choose(profile, candidate): return [[(1, 1.0)]]\n")
    assert "" != foreign_code([name]) != before
