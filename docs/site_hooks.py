"""Puts pages and files from outside of `docs/` on the site, and turns links by repository path into links of the site.

Pages link to each other by their paths in the repository, so that they work on a Git host, too. On the site, `docs/`
and the repository's root are one folder. A link to a file that the site does not have becomes plain text.
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
LINK = re.compile(r"\[([^\]]*)\]\((?![a-z]+:|#)([^)#\s]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what lies outside of `docs/`."""
    for path in PAGES + FILES:
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path), inclusion=InclusionLevel.NOT_IN_NAV))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the page's links."""
    here = page.file.src_uri
    folder = posixpath.dirname(here if here in PAGES else f"docs/{here}")

    def on_site(link: re.Match[str]) -> str:
        text, path, anchor = link[1], posixpath.normpath(posixpath.join(folder, link[2])), link[3] or ""
        target = path.removeprefix("docs/")
        if files.get_file_from_path(target) is None and (ROOT / path).exists():
            return text
        return f"[{text}]({posixpath.relpath(target, posixpath.dirname(here) or '.')}{anchor})"

    return LINK.sub(on_site, markdown)
