"""A run that a person stops."""

from tests.cluster_acceptance.cluster_session import Cluster
from tests.cluster_acceptance.cluster_tracking import Tracking

ENDLESS_EPOCHS = 1000


def test_a_cancelled_run_stops_and_is_closed(cluster: Cluster, tracking: Tracking):
    run_id = cluster.submit("cancelled", cluster.settings(seed=6, teacher_epochs=ENDLESS_EPOCHS))
    cluster.wait_for(lambda: cluster.running(run_id, "train-teacher"), "train-teacher to run")
    assert cluster.command("runs", "cancel", run_id).code == 0
    run = cluster.wait(run_id)
    assert run.state in ("FAILED", "CANCELED")  # KFP 2.17 calls it FAILED
    states = {step.name: step.state for step in cluster.steps(run)}
    assert states["train-teacher"] in ("FAILED", "CANCELED")
    assert states["close-run"] == "SUCCEEDED"
    parent = tracking.parent(run_id)
    assert parent.info.status == "KILLED"
    assert "RUNNING" not in {one.info.status for one in tracking.of_run(run_id)}
