"""A schedule that starts runs by itself."""

import re
from collections.abc import Iterator

import pytest

from tests.cluster_acceptance.cluster_session import EXPERIMENT, Cluster, Started, as_options, ended


@pytest.fixture
def schedule(cluster: Cluster, full_run: Started) -> Iterator[str]:
    """One that fires every minute over data that has not changed. It is deleted when none of its runs is at work."""
    made = cluster.command(
        "schedule", "create", "--every", "1m", "--pipeline", str(cluster.package.path), "--experiment", EXPERIMENT,
        "--name", f"acceptance {cluster.stamp} schedule", *as_options(full_run.settings),
    )  # fmt: skip
    found = re.search(r"^Schedule\s+(\S+)$", made.out, re.MULTILINE)
    assert found, made
    cluster.schedules.append(found[1])
    yield found[1]
    cluster.command("schedule", "disable", found[1])
    for run in cluster.of_schedule(found[1]):
        cluster.wait_for(lambda run=run: ended(cluster.get(run.run_id)), f"the end of run {run.run_id}")
    assert cluster.command("schedule", "delete", found[1]).code == 0
    cluster.schedules.remove(found[1])
    assert found[1] not in cluster.command("schedule", "list").out


def test_a_schedule_starts_a_run_that_ends_well(cluster: Cluster, schedule: str):
    assert schedule in cluster.command("schedule", "list").out
    runs = cluster.wait_for(lambda: cluster.of_schedule(schedule), f"a run of schedule {schedule}")
    assert cluster.wait(runs[-1].run_id).state == "SUCCEEDED"
