"""The cluster that the environment names, and one full run on it that several checks look at."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster_acceptance.cluster_session import Cluster, Started
from tests.cluster_acceptance.cluster_tracking import Tracking

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            if not os.environ.get("KF_PIPELINES_ENDPOINT"):
                item.add_marker(pytest.mark.skip(reason="KF_PIPELINES_ENDPOINT names no cluster"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with Cluster.from_environment().cleaned() as session:
        yield session
        if os.environ.get("MLFLOW_TRACKING_URI"):
            Tracking().forget(session.runs, session.model)


@pytest.fixture(scope="session")
def full_run(cluster: Cluster) -> Started:
    """A run of everything, from fresh splits to the champion."""
    settings = cluster.settings(seed=0)
    return Started(cluster.wait(cluster.submit("full run", settings)), settings)


@pytest.fixture(scope="session")
def tracking() -> Tracking:
    return Tracking.or_skip()
