"""The image under test, a real one on a real Docker daemon."""

import os
from collections.abc import Iterator

import docker
import pytest
from docker.models.images import Image

VARIABLE = "SPECTRAL_DISTILL_TEST_IMAGE"


@pytest.fixture(scope="session")
def reference() -> str:
    """What the image under test is called. Where it is named, everything else must be there too."""
    if not os.environ.get(VARIABLE):
        pytest.skip(f"{VARIABLE} is not set: run `make image` on a machine with Docker and name the image there")
    return os.environ[VARIABLE]


@pytest.fixture(scope="session")
def client(reference: str) -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(client: docker.DockerClient, reference: str) -> Image:
    return client.images.get(reference)
