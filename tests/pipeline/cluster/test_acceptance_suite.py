"""The suite for real clusters, run against a backend that acts like one: it passes, and fails where it should."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.pipeline.cluster.acting_backend import ActingBackend
from tests.pipeline.cluster.command_line import TOKEN
from tests.pipeline.cluster.kfp_server import serving
from tests.pipeline.cluster.project_mlflow import ProjectMlflow
from tests.support.checkout import ROOT
from tests.support.servers import s3_environment, s3_server

SUITE = "tests/cluster_acceptance"
LEAST_CHECKS = 18
Acting = Callable[..., AbstractContextManager[ActingBackend]]
KUBECTL = """#!/usr/bin/env python3
import sys
what = " ".join(sys.argv[1:])
if what.startswith("get pods"):
    print("pod/spectral-distill-x7-system-container-driver-1\\npod/spectral-distill-x7-retry-system-container-impl-2")
elif what.startswith("delete pod"):
    open({log!r}, "a").write(what)
elif not what.startswith("get namespace kubeflow"):
    sys.exit("Error from server (NotFound): not found")
"""


@pytest.fixture
def acting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mlflow_uri: str) -> Acting:
    """A backend, an MLflow database and an S3 server, named by the environment as a real cluster's would be."""

    @contextmanager
    def start(timeout_s: int = 300, **manners: Any) -> Iterator[ActingBackend]:
        kubectl = tmp_path / "kubectl"
        kubectl.write_text(KUBECTL.format(log=str(tmp_path / "deleted")))
        kubectl.chmod(0o755)
        with s3_server() as s3:
            settings = {
                **s3_environment(s3), "MLFLOW_TRACKING_URI": mlflow_uri, "ACCEPTANCE_S3": "s3://corpus/acceptance",
                "ACCEPTANCE_POLL_S": "0.05", "ACCEPTANCE_TIMEOUT_S": str(timeout_s), "HOME": str(tmp_path),
                "PATH": f"{tmp_path}:{os.environ['PATH']}", "KF_PIPELINES_TOKEN": TOKEN,
            }  # fmt: skip
            for name, value in settings.items():
                monkeypatch.setenv(name, value)
            boto3.client("s3").create_bucket(Bucket="corpus")
            backend = ActingBackend(ProjectMlflow(mlflow_uri, tmp_path / "artifacts"), **manners)
            with serving(backend) as server:
                monkeypatch.setenv("KF_PIPELINES_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
                yield backend

    return start


def run_suite(selection: str = "") -> tuple[dict[str, str], str]:
    """Outcome by name of check, and all that was printed."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", "--confcutdir", SUITE, SUITE]
    command += ["-k", selection] if selection else []
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    lines = [line.split() for line in told.splitlines() if line.startswith(SUITE) and "::" in line]
    return {words[0].partition("::")[2]: words[1] for words in lines}, told


def with_outcome(outcomes: dict[str, str], *wanted: str) -> set[str]:
    return {name for name, outcome in outcomes.items() if outcome in wanted}


def test_every_check_passes_on_a_backend_that_does_what_it_should(acting: Acting, tmp_path: Path):
    with acting(ui=True) as backend:
        outcomes, told = run_suite()
    assert with_outcome(outcomes, "FAILED", "ERROR", "SKIPPED") == set(), told
    assert len(with_outcome(outcomes, "PASSED")) >= LEAST_CHECKS, told
    assert "system-container-impl" in (tmp_path / "deleted").read_text()
    assert not (backend.recurring_runs or backend.versions or backend.pipelines), "what the suite made is left"
    assert {run["storage_state"] for run in backend.runs} == {"ARCHIVED"}


def test_at_the_api_servers_own_address_only_the_artifacts_are_out_of_reach(
    acting: Acting, monkeypatch: pytest.MonkeyPatch, contract: Callable[[str], AbstractContextManager[str]]
):
    """What the suite sends and what the backend answers keep to the published API, which Prism sees to."""
    with acting(), contract(os.environ["KF_PIPELINES_ENDPOINT"]) as address:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", address)
        outcomes, told = run_suite("log or report or schedule")
    assert with_outcome(outcomes, "SKIPPED") == {"test_the_report_is_an_artifact_of_the_comparison"}, told
    assert with_outcome(outcomes, "FAILED", "ERROR") == set(), told


def test_a_task_that_fails_in_its_driver_fails_the_checks_of_the_full_run(
    acting: Acting,
):
    with acting(faults=frozenset({"failed-driver"})):
        outcomes, told = run_suite("test_every_task_ran_and_succeeded or test_bad_input_fails")
    assert outcomes == {
        "test_every_task_ran_and_succeeded": "FAILED",
        "test_bad_input_fails_a_task_whose_log_says_it_in_one_line": "PASSED",
    }, told


@pytest.mark.parametrize(
    ("selection", "faults", "failing"),
    [
        (
            "nothing_new or schedule or log or every_task or champion",
            {"always-retrains", "silent-schedule", "no-logs"},
            {
                "test_a_run_that_finds_nothing_new_ends_at_once_and_leaves_the_champion",
                "test_a_schedule_starts_a_run_that_ends_well",
                "test_the_log_of_a_finished_task_is_its_own_lines",
                "test_bad_input_fails_a_task_whose_log_says_it_in_one_line",
                "test_the_log_of_a_running_task_can_be_read",
            },
        ),
        (
            "mlflow or nothing_new or new_data or cancelled or every_task or champion",
            {"open-parent", "stale-data", "uncancellable"},
            {
                "test_mlflow_has_one_finished_parent_with_the_runs_name_and_one_finished_run_a_candidate",
                "test_mlflow_has_a_run_that_met_bad_input_as_failed",
                "test_a_run_that_finds_nothing_new_ends_at_once_and_leaves_the_champion",
                "test_new_data_under_the_same_name_is_trained_on",
                "test_a_cancelled_run_stops_and_is_closed",
            },
        ),
    ],
    ids=["runs", "endings"],
)
def test_faults_fail_the_checks_that_are_meant_for_them_and_no_others(
    acting: Acting, selection: str, faults: set[str], failing: set[str]
):
    with acting(timeout_s=20, faults=frozenset(faults)):
        outcomes, told = run_suite(selection)
    assert with_outcome(outcomes, "FAILED", "ERROR") == failing, told
    assert with_outcome(outcomes, "PASSED"), told
