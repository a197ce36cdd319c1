"""What the pages tell people to type, and where they link to."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from pipeline.cli.main import cli
from pipeline.deployment import Deployment

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "containers/README.md")),
    ROOT / "tests" / "cluster_acceptance" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
NEED_A_SERVER = ("spectral-distill submit", "spectral-distill schedule")
NOT_HERE = ("make test", "make image")
"""This test is part of the one, and the other takes Docker: what they would run is worked out."""


def shell_lines(page: Path) -> list[str]:
    """The commands of a page's shell blocks, each on one line."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [" ".join(line.split()) for block in blocks for line in commands(block) if line.strip()]


def commands(block: str) -> list[str]:
    """The lines of a shell block, joined where a backslash or an open quotation goes on."""
    found = [""]
    for line in block.replace("\\\n", " ").splitlines():
        found[-1] += line
        if found[-1].partition(" #")[0].count("'") % 2 == 0:
            found.append("")
    return found


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


COMMANDS = [
    (name_of(page), line) for page in PAGES for line in shell_lines(page) if line.startswith("spectral-distill ")
]
LINKS = [
    (name_of(page), target)
    for page in PAGES
    for target in re.findall(r"\]\((?![a-z]+:)([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_every_command_on_a_page_exists(page: str, line: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", "http://localhost:8080")
    command, arguments = cli, shlex.split(line, comments=True)[1:]
    while isinstance(command, click.Group):
        name, command, arguments = command.resolve_command(click.Context(command), arguments)
    command.make_context(name, arguments)  # refuses unknown options and missing arguments


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_every_link_leads_to_a_file(page: str, target: str):
    assert ((ROOT / page).parent / target).exists()


def test_every_deployment_on_a_page_is_valid():
    page = (ROOT / "docs" / "tutorials" / "kubeflow.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    Deployment(**yaml.safe_load(block))


def test_every_page_is_in_the_navigation():
    """`mkdocs build --strict` refuses pages that are in none; this says so without the site's tools."""
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.is_relative_to(ROOT / "docs")]
    alone = [page for page in pages if not page.startswith(("studies/", "decisions/0"))]
    assert [page for page in alone if page not in settings] == []


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_commands_of_the_readme_work_in_order_on_a_fresh_clone(tmp_path: Path):
    clone = _clone(tmp_path / "clone")
    lines = shell_lines(ROOT / "README.md")
    assert lines[0].startswith("make demo")
    for line in lines:
        if not line.startswith((*NEED_A_SERVER, ". .venv/bin/activate")):
            _run(line, clone)


def _clone(folder: Path) -> Path:
    """The project without what its commands leave behind, and with a demo of few texts and epochs."""
    left_behind = shutil.ignore_patterns(".git", ".venv", "runs", "build", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, folder, ignore=left_behind)
    demo = folder / "examples" / "demo.yaml"
    short = {"data_examples_per_label": 10, "teacher_epochs": 1, "student_epochs": 1, "latency_batches": 5}
    demo.write_text(yaml.safe_dump(yaml.safe_load(demo.read_text(encoding="utf-8")) | short), encoding="utf-8")
    return folder


def _run(line: str, clone: Path) -> None:
    """Run a command of the page in the environment of the tests, which stands for `.venv`."""
    if line.startswith("make "):
        ready = f"VENV={sys.prefix} --old-file={sys.prefix}/.ready"
        line = re.sub(r"^make", f"make {'--dry-run ' if line.startswith(NOT_HERE) else ''}{ready}", line)
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "KF_", "KFP_"))}
    path = f"{sys.prefix}/bin{os.pathsep}{outside['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=clone,
        env={**outside, "PATH": path, "PYTHONPATH": str(clone)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
