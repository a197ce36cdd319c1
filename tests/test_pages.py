"""What the pages tell people to type and where they link to."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from pipeline.cli.main import cli
from pipeline.deployment import Deployment

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(block: str) -> list[str]:
    """The lines of a shell block, joined where a backslash or an open quotation goes on."""
    found = [""]
    for line in block.replace("\\\n", " ").splitlines():
        found[-1] += line
        if found[-1].partition(" #")[0].count("'") % 2 == 0:
            found.append("")
    return found


COMMANDS = [
    (page.name, " ".join(line.split()))
    for page in PAGES
    for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    for line in commands(block)
    if line.startswith("spectral-distill ")
]
LINKS = [
    (page.name, target)
    for page in PAGES
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_every_command_on_a_page_is_one_that_there_is(page: str, line: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", "http://localhost:8080")
    command, arguments = cli, shlex.split(line, comments=True)[1:]
    while isinstance(command, click.Group):
        name, command, arguments = command.resolve_command(click.Context(command), arguments)
    command.make_context(name, arguments)  # refuses unknown options and missing arguments


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_every_link_leads_to_a_file(page: str, target: str):
    folder = ROOT if page == "README.md" else ROOT / "docs"
    assert (folder / target).exists()


def test_the_deployment_on_the_page_of_the_cluster_is_one():
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    Deployment(**yaml.safe_load(block))
