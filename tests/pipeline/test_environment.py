"""Who may change the environment: an entry point, for its own process; all others put it back."""

import os

import pytest
from rich.console import Console

from components.frame import step
from pipeline.local.display import Display
from pipeline.local.running import following_here
from pipeline.local.workspace import Workspace, open_workspace
from spectral_distill.core.errors import UserError
from spectral_distill.core.progress import EVENTS_FILE
from spectral_distill.tracking import server

RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return open_workspace(str(tmp_path / "runs"))


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (RETRIES, "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "")  # so that the end of the test removes what the test sets
        monkeypatch.delenv(name)


@pytest.mark.parametrize("ends", ["well", "badly"])
def test_steps_in_this_process_leave_its_environment_as_it_was(ends, workspace, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "0")
    before = dict(os.environ)
    try:
        with following_here(workspace, Display(Console(quiet=True))):
            assert os.environ[EVENTS_FILE]
            assert os.environ["TQDM_DISABLE"] == "1"
            if ends == "badly":
                raise UserError("data: bad")
    except UserError:
        assert ends == "badly"
    assert dict(os.environ) == before


@pytest.mark.usefixtures("unset")
def test_the_workspace_s_database_is_the_default_and_sets_nothing(workspace, monkeypatch):
    assert workspace.tracking_uri() == f"sqlite:///{workspace.root}/mlflow.db"
    assert "MLFLOW_TRACKING_URI" not in os.environ
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert workspace.tracking_uri() == "http://localhost:5000"


@pytest.mark.usefixtures("unset")
def test_a_step_retries_mlflow_as_often_as_the_environment_says_else_three_times(monkeypatch):
    with step("a_step"):
        assert os.environ[RETRIES] == "3"
    monkeypatch.setenv(RETRIES, "5")
    with step("a_step"):
        assert os.environ[RETRIES] == "5"


@pytest.mark.usefixtures("unset")
def test_a_client_changes_no_environment(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    before = dict(os.environ)
    server.client()
    assert RETRIES not in os.environ
    assert {name: value for name, value in os.environ.items() if name in before} == before
