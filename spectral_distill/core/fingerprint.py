"""Which state of this project's code is at work."""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_SOURCES = (".py", ".j2", ".css")


@cache
def fingerprint(*names: str) -> str:
    """Name the state of some code: the same sources, the same name, wherever they are installed.

    Args:
        names: Names of packages, whose subpackages count, and of modules that can be imported.

    Returns:
        16 hex digits over the names and contents of all source files.
    """
    digest = hashlib.sha256()
    for name in names:
        for inside, file in _files_of(name):
            digest.update(f"{name}/{inside}".encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def _files_of(name: str) -> Iterator[tuple[str, Path]]:
    """The source files of a package or module, by their path in it."""
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None, f"{name} is no package or module"
    if not spec.submodule_search_locations:
        yield "", Path(spec.origin)
        return
    root = Path(spec.origin).parent
    for file in sorted(root.rglob("*")):
        if file.suffix in _SOURCES:
            yield file.relative_to(root).as_posix(), file
