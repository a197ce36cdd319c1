"""`make image` with clients that cannot build: it says so in one line, before anything is built."""

import subprocess
import sys
from pathlib import Path

from tests.support.checkout import ROOT

WITHOUT_BUILDX = """#!/bin/sh
case "$*" in
--version) echo "Docker version 28.2.2, build e6534b4" ;;
*) echo "ERROR: BuildKit is enabled but the buildx component is missing or broken." >&2; exit 1 ;;
esac
"""  # as Docker 28.2.2 answers
COMPLETE = '#!/bin/sh\necho "called: $*"\n'


def make_image(docker: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "image", f"DOCKER={docker}", f"PYTHON={sys.executable}", "IMAGE=test:1", "VARIANT=cpu"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def client(folder: Path, script: str) -> Path:
    docker = folder / "docker"
    docker.write_text(script)
    docker.chmod(0o755)
    return docker


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if not line.startswith("make")]


def test_a_client_without_buildx(tmp_path: Path):
    docker = client(tmp_path, WITHOUT_BUILDX)
    done = make_image(docker)
    assert done.returncode == 2
    assert errors(done) == [
        f"error: make image: {docker} (Docker version 28.2.2, build e6534b4) cannot use BuildKit: expected its plugin "
        "buildx; install it (docker-buildx-plugin, or docker-buildx), or name another client: make image DOCKER=PATH"
    ]


def test_no_client(tmp_path: Path):
    done = make_image(tmp_path / "docker")
    assert done.returncode == 2
    assert errors(done) == [
        f"error: make image: found no command {tmp_path}/docker; install Docker or Podman, or name one: "
        "make image DOCKER=podman"
    ]


def test_a_client_that_can_build_is_asked_to(tmp_path: Path):
    done = make_image(client(tmp_path, COMPLETE))
    assert done.returncode == 0
    assert "called: build --file containers/Containerfile --tag test:1 --build-arg VARIANT=cpu" in done.stdout
