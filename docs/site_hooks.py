"""Puts the pages and files that lie outside of `docs/` on the site, and turns links to them into links of the site.

Pages link to each other by their paths in the repository, so that they work on a Git host as well. A page of the
repository's root and its `docs/` folder have one root on the site.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "containers/README.md", "tests/cluster_acceptance/README.md"]
FILES = ["LICENSE", *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "examples").glob("*.*")))]
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what lies outside of `docs/`."""
    for path in PAGES + FILES:
        files.append(
            File.generated(config, path, abs_src_path=str(ROOT / path), inclusion=InclusionLevel.INCLUDED)
        )
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links by paths in the repository into links by paths on the site."""
    here = page.file.src_uri
    folder = posixpath.dirname(here if here in PAGES else f"docs/{here}")

    def on_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[1])).removeprefix("docs/")
        return posixpath.relpath(target, posixpath.dirname(here) or ".")

    return LINK.sub(on_site, markdown)
