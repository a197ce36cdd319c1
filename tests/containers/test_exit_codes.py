"""kfp.local's Docker runner can take a container that failed for one that succeeded; ours cannot."""

from pathlib import Path

import pytest
from docker import DockerClient
from docker.models.images import Image
from kfp import dsl, local

from pipeline.local.docker_runner import find_image
from pipeline.local.task_handlers import docker_tasks
from spectral_distill.core.errors import UserError


def run_task(reference: str, root: Path, programme: str) -> None:
    @dsl.container_component
    def task():
        return dsl.ContainerSpec(image=reference, command=["sh", "-c", programme])

    @dsl.pipeline
    def graph():
        task()

    local.init(local.DockerRunner(network_mode="none"), pipeline_root=str(root))
    with docker_tasks():
        graph()


@pytest.mark.parametrize("programme", ["exit 3", "no-such-programme"])
def test_a_container_that_fails_at_once_is_a_failed_task(reference: str, tmp_path: Path, programme: str):
    with pytest.raises(RuntimeError):
        run_task(reference, tmp_path, programme)


def test_a_container_that_ends_well_is_gone_afterwards(
    reference: str, client: DockerClient, image: Image, tmp_path: Path
):
    run_task(reference, tmp_path, "exit 0")
    assert client.containers.list(all=True, filters={"ancestor": image.id}) == []


def test_an_image_that_is_not_here(client: DockerClient):
    with pytest.raises(UserError, match="--image no-such-image:1: this machine has no such image"):
        find_image("no-such-image:1")


def test_a_reference_that_names_no_image(client: DockerClient):
    with pytest.raises(UserError, match="--image not a reference"):
        find_image("not a reference")
