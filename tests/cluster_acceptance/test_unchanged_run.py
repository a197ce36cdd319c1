"""The same settings over the same data again."""

from tests.cluster_acceptance.cluster_session import Cluster, Started, pods_of
from tests.cluster_acceptance.cluster_tracking import Tracking, says

MOST_PODS = 8  # two steps, their drivers, those of the graph's root, exit handler and condition; one more may be lost


def test_a_run_that_finds_nothing_new_ends_at_once_and_leaves_the_champion(
    cluster: Cluster, full_run: Started, tracking: Tracking
):
    champion = tracking.champion(cluster.model)
    run = cluster.wait(cluster.submit("unchanged", full_run.settings))
    assert run.state == "SUCCEEDED"
    assert {step.name for step in cluster.steps(run) if step.ran} == {"resolve-data", "close-run"}
    assert pods_of(run) <= MOST_PODS
    parent = tracking.parent(run.run_id)
    assert parent.info.status == "FINISHED"
    assert says(parent, "unchanged")
    assert champion is not None
    assert tracking.champion(cluster.model).version == champion.version


def test_force_runs_anyway(cluster: Cluster, full_run: Started):
    """From the cache, as nothing is new; what is never cached runs again."""
    run = cluster.wait(cluster.submit("forced", {**full_run.settings, "force": True}))
    assert run.state == "SUCCEEDED"
    assert {step.name for step in cluster.steps(run) if step.ran} >= {"resolve-data", "promote-student", "close-run"}
    assert [step.name for step in cluster.steps(run)] == cluster.expected(full_run.settings)
