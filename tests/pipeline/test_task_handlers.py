"""Tasks of kfp.local get our interpreter and environment; kfp and this process are left as they were."""

import os
import stat
import sys
from pathlib import Path

import pytest
from kfp import dsl, local
from kfp.local import subprocess_task_handler

from pipeline.local.task_handlers import subprocess_tasks


@dsl.component(base_image="python:3", install_kfp_package=False)
def answer(name: str) -> str:
    import os

    return os.environ.get(name, "not set")


@dsl.component(base_image="python:3", install_kfp_package=False)
def fail(code: int):
    raise SystemExit(code)


@pytest.fixture
def python(tmp_path: Path) -> str:
    """An interpreter that says who it is."""
    wrapper = tmp_path / "interpreter"
    wrapper.write_text(f'#!/bin/sh\nINTERPRETER=wrapped exec {sys.executable} "$@"\n')
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    return str(wrapper)


@pytest.fixture(autouse=True)
def _runner(tmp_path: Path) -> None:
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path / "artifacts"))


def test_a_task_has_the_interpreter_and_the_variables(python: str):
    with subprocess_tasks(python, {"VALUE": "given"}):
        assert answer(name="INTERPRETER").output == "wrapped"
        assert answer(name="VALUE").output == "given"
        assert answer(name="PATH").output == os.environ["PATH"]


def test_a_task_that_fails_fails(python: str):
    with subprocess_tasks(python, {}), pytest.raises(RuntimeError, match="FAILURE"):
        fail(code=3)


def test_kfp_and_the_environment_are_left_as_they_were(python: str):
    before, handler = dict(os.environ), subprocess_task_handler.SubprocessTaskHandler
    with pytest.raises(ZeroDivisionError), subprocess_tasks(python, {"VALUE": "given"}):
        assert "VALUE" not in os.environ
        raise ZeroDivisionError
    assert subprocess_task_handler.SubprocessTaskHandler is handler
    assert dict(os.environ) == before
    assert answer(name="VALUE").output == "not set"
