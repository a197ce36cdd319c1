"""A run of everything: its tasks, its report, what MLflow keeps, and the champion."""

from urllib.parse import urlsplit

import pytest

from pipeline.cluster.metadata_store import MetadataStore, texts
from spectral_distill.core.errors import UserError
from tests.cluster_acceptance.cluster_session import CANDIDATES, Cluster, Started, Step
from tests.cluster_acceptance.cluster_tracking import Tracking


def test_every_task_ran_and_succeeded(cluster: Cluster, full_run: Started):
    expected = [Step(name, "SUCCEEDED", True) for name in cluster.expected(full_run.settings)]
    assert cluster.steps(full_run.run) == expected
    assert full_run.run.state == "SUCCEEDED"


def test_the_status_tells_every_step_and_the_run_apart(cluster: Cluster, full_run: Started):
    told = cluster.command("runs", "status", full_run.id)
    assert told.code == 0
    rows = [line.split() for line in told.out.splitlines() if line.split()[:1] and line.split()[0] in names(cluster)]
    assert sorted(row[0] for row in rows) == cluster.expected(full_run.settings)
    assert all("succeeded" in row for row in rows)
    candidates = [row[1] for row in rows if row[0] == "distill-student"]
    assert len(set(candidates)) == len(CANDIDATES)


def test_the_report_is_an_artifact_of_the_comparison(cluster: Cluster, full_run: Started):
    """KFP's API hands out no artifacts: the UI reads them from MLMD and the object store, and so does this."""
    store = MetadataStore(cluster.connection)
    try:
        executions = store.executions(full_run.id)
    except UserError as error:
        pytest.skip(f"only the UI's address leads to artifacts: {error}")
    (comparison,) = [one for one in executions if texts(one.custom_properties).get("task_name") == "compare-students"]
    (report,) = store.outputs(comparison.id, "report")
    place = urlsplit(report.uri)
    query = {
        "source": place.scheme,
        "bucket": place.netloc,
        "key": place.path.lstrip("/"),
        "namespace": cluster.connection.namespace,
        "providerInfo": texts(report.custom_properties).get("store_session_info"),
    }
    page = cluster.connection.read("/artifacts/get", host=cluster.connection.ui.rstrip("/"), query=query).text
    print(f"{report.uri}: {len(page)} characters")
    assert "<html" in page


def test_the_report_is_in_mlflow_and_names_every_candidate(full_run: Started, tracking: Tracking):
    page = tracking.file(tracking.parent(full_run.id).info.run_id, "report.html")
    print(f"report.html: {len(page)} characters")
    assert all(name in page for name in tracking.candidates(full_run.id))


def test_mlflow_has_one_finished_parent_with_the_runs_name_and_one_finished_run_a_candidate(
    full_run: Started, tracking: Tracking
):
    parent, candidates = tracking.parent(full_run.id), tracking.candidates(full_run.id)
    assert (parent.info.run_name, parent.info.status) == (full_run.run.display_name, "FINISHED")
    assert list(candidates.values()) == ["FINISHED"] * len(CANDIDATES)
    assert {run.info.status for run in tracking.of_run(full_run.id)} == {"FINISHED"}


def test_the_first_student_of_a_model_is_its_champion(cluster: Cluster, full_run: Started, tracking: Tracking):
    champion = tracking.champion(cluster.model)
    assert champion is not None
    print(f"champion: {cluster.model} version {champion.version} of MLflow run {champion.run_id}")
    assert champion.run_id in {run.info.run_id for run in tracking.of_run(full_run.id)}


def names(cluster: Cluster) -> set[str]:
    return set(cluster.expected({}))
