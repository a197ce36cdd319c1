"""A run of everything: its tasks, its report, what MLflow keeps, and the champion."""

from cluster_session import CANDIDATES, Cluster, Step
from cluster_tracking import Tracking
from conftest import Started

LOOP = ("distill-student", "evaluate-student")


def test_every_task_ran_and_succeeded(cluster: Cluster, full_run: Started):
    expected = [name for name in cluster.steps_of_pipeline for _ in range(len(CANDIDATES) if name in LOOP else 1)]
    assert cluster.steps(full_run.run) == [Step(name, "SUCCEEDED", True) for name in sorted(expected)]
    assert full_run.run.state == "SUCCEEDED"


def test_the_status_tells_every_step_and_the_run_apart(cluster: Cluster, full_run: Started):
    told = cluster.command("runs", "status", full_run.id)
    assert told.code == 0
    rows = [line for line in told.out.splitlines() if line.strip().startswith(tuple(cluster.steps_of_pipeline))]
    assert len(rows) == len(cluster.steps(full_run.run))
    assert all("succeeded" in row for row in rows)
    assert len({row.partition("succeeded")[0].split()[-1] for row in rows if "distill-student" in row}) == len(
        CANDIDATES
    )


def test_the_report_is_in_mlflow_and_names_every_candidate(full_run: Started, tracking: Tracking):
    """KFP's API names no artifacts; the parent run holds the same page."""
    page = tracking.file(tracking.parent(full_run.id).info.run_id, "report.html")
    print(f"report.html: {len(page)} characters")
    assert "<html" in page
    assert all(run.info.run_name in page for run in tracking.candidates(full_run.id))


def test_mlflow_has_one_finished_parent_with_the_runs_name_and_one_finished_run_a_candidate(
    full_run: Started, tracking: Tracking
):
    parent, candidates = tracking.parent(full_run.id), tracking.candidates(full_run.id)
    assert (parent.info.run_name, parent.info.status) == (full_run.run.display_name, "FINISHED")
    assert [run.info.status for run in candidates] == ["FINISHED"] * len(CANDIDATES)
    assert len({run.info.run_name for run in candidates}) == len(CANDIDATES)
    assert {run.info.status for run in tracking.of_run(full_run.id)} == {"FINISHED"}


def test_the_first_student_of_a_model_is_its_champion(cluster: Cluster, full_run: Started, tracking: Tracking):
    champion = tracking.champion(cluster.model)
    assert champion is not None
    print(f"champion: {cluster.model} version {champion.version} of MLflow run {champion.run_id}")
    assert champion.run_id in {run.info.run_id for run in tracking.of_run(full_run.id)}
