"""What the image is, and what it must not hold."""

import re
import shlex
import tomllib
from pathlib import Path

import docker
import pytest
from docker.models.images import Image

from components.image import code_version
from tests.support.checkout import ROOT


class Shell:
    """Runs commands in containers as a cluster would: read-only root, no privileges, only /tmp to write to."""

    def __init__(self, client: docker.DockerClient, image: Image):
        self._client, self._image = client, image

    def __call__(self, command: str, user: str | None = None) -> str:
        output = self._client.containers.run(
            self._image, ["sh", "-ec", command], user=user, read_only=True, tmpfs={"/tmp": ""}, network_mode="none",
            cap_drop=["ALL"], security_opt=["no-new-privileges"], remove=True, stderr=True,
        )  # fmt: skip
        return output.decode().strip()


@pytest.fixture(scope="module")
def shell(client: docker.DockerClient, image: Image) -> Shell:
    return Shell(client, image)


def test_labels_name_version_source_state_and_licence(image: Image):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in image.labels.items()}
    assert labels["title"] == project["name"]
    assert labels["version"] == project["version"]
    assert labels["licenses"] == project["license"]
    assert re.fullmatch("[0-9a-f]{40}(-dirty)?", labels["revision"])
    assert re.fullmatch("(https?://[^@]+)?", labels["source"])
    assert labels["spectral-distill.variant"] in ("cpu", "cuda")


def test_the_user_is_numeric_and_not_root(image: Image, shell: Shell):
    user, group = image.attrs["Config"]["User"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert shell("id -u; id -g").split() == [user, group]


def test_it_holds_the_code_of_this_checkout(shell: Shell):
    found = shell("python3 -c 'from components.image import code_version; print(code_version())'")
    assert found == code_version(), "the image was built from other code: run `make image` again"


@pytest.mark.parametrize("tool", ["gcc", "cc", "g++", "clang", "as", "ld", "make", "nvcc", "git"])
def test_no_compiler_is_left_inside(shell: Shell, tool: str):
    assert shell(f"command -v {tool} || echo none") == "none"


def test_nothing_is_left_that_the_build_removes(shell: Shell):
    programme = (ROOT / "containers/prune.py").read_text().partition("if __name__")[0] + (
        "import sysconfig\n"
        "site_packages = Path(sysconfig.get_path('purelib'))\n"
        "print([str(path) for rule in RULES for path in found(rule, site_packages)])\n"
    )
    assert shell(f"python3 -c {shlex.quote(programme)}") == "[]"


def test_nothing_can_be_installed_into_its_environment(shell: Shell):
    assert "No module named pip" in shell("python3 -m pip --version 2>&1 || true")
    assert "Read-only file system" in shell("touch /opt/venv/x 2>&1 || true")


def test_it_starts_kfp_s_executor_and_the_project_s_command_as_any_user(shell: Shell):
    assert "--executor_input" in shell("python3 -m kfp.dsl.executor_main --help", user="12345:12345")
    assert "spectral-distill" in shell("spectral-distill --help", user="12345:12345")


def test_what_steps_import_and_cache_works_on_a_read_only_root(shell: Shell):
    programme = """
import getpass, matplotlib.pyplot as plt, mlflow.transformers, torch, torch._inductor.codecache as inductor
plt.figure().savefig("/tmp/figure.png")
print(getpass.getuser(), inductor.cache_dir())
"""
    name, cache = shell(f"python3 -c '{programme}'", user="12345:12345").splitlines()[-1].split()
    assert name == "spectral-distill"
    assert cache.startswith("/tmp/")


def test_the_final_stage_only_copies(image: Image):
    """So no argument and no secret of the build can be in its history: they belong to earlier stages."""
    ours = [entry["CreatedBy"] for entry in image.history() if "buildkit" in entry["Comment"]]
    assert ours
    assert [step for step in ours if step.startswith("RUN")] == []
    given = {step.removeprefix("ARG ").partition("=")[0] for step in ours if step.startswith("ARG")}
    assert given <= {"VARIANT", "VERSION", "REVISION", "SOURCE"}


def test_no_proxy_no_index_and_no_certificate_is_set(image: Image, shell: Shell):
    names = [entry.partition("=")[0].lower() for entry in image.attrs["Config"]["Env"]]
    assert [name for name in names if "proxy" in name or name.startswith(("pip_", "ssl_", "requests_"))] == []
    files = shell(r"find / -xdev \( -name pip.conf -o -name .netrc -o -name .pypirc \) 2>/dev/null || true")
    assert files == ""


def test_the_building_machine_s_own_certificates_stayed_there(shell: Shell):
    own = sorted(Path("/usr/local/share/ca-certificates").rglob("*.crt"))
    if not own:
        pytest.skip("this machine trusts no certificates of its own")
    bundles = shell("find / -xdev -name '*.crt' -o -xdev -name '*.pem' 2>/dev/null | xargs cat 2>/dev/null || true")
    for certificate in own:
        body = certificate.read_text().split("-----")[2].split()
        assert body[1] not in bundles
