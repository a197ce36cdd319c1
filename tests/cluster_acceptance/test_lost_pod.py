"""A pod that vanishes, as with its node."""

import subprocess

import pytest

from pipeline.cluster.kubectl import reach
from tests.cluster_acceptance.cluster_session import Cluster


def test_a_run_survives_the_loss_of_a_pod(cluster: Cluster):
    namespace = cluster.connection.namespace or "kubeflow"
    unseen = reach(namespace)
    if unseen:
        pytest.skip(unseen)
    run_id = cluster.submit("lost pod", cluster.settings(seed=7, teacher_epochs=8))
    cluster.wait_for(lambda: cluster.running(run_id, "train-teacher"), "train-teacher to run")
    pod = cluster.wait_for(lambda: training_pod(namespace, run_id), "the pod of train-teacher to run")
    print(kubectl("delete", "pod", pod, "--namespace", namespace, "--wait=false"))
    assert cluster.wait(run_id).state == "SUCCEEDED"


def training_pod(namespace: str, run_id: str) -> str | None:
    """Name of the pod of a run's only step that is at work, if it is."""
    asked = kubectl(
        "get", "pods", "--namespace", namespace, "--selector", f"pipeline/runid={run_id}",
        "--field-selector", "status.phase=Running", "--output", "name",
    )  # fmt: skip
    steps = [name for name in asked.split() if "-system-container-impl-" in name]
    return steps[0].removeprefix("pod/") if steps else None


def kubectl(*arguments: str) -> str:
    return subprocess.run(["kubectl", *arguments], check=True, capture_output=True, text=True).stdout
