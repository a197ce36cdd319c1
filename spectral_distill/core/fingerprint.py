"""Which state of this project's code is at work."""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_SOURCES = (".py", ".j2", ".css")


@cache
def fingerprint(*packages: str) -> str:
    """Name the state of some packages' code: the same sources, the same name, wherever they are installed.

    Args:
        packages: Names of packages that can be imported; their subpackages count.

    Returns:
        16 hex digits over the names and contents of all source files.
    """
    digest = hashlib.sha256()
    for package in packages:
        spec = find_spec(package)
        assert spec is not None and spec.submodule_search_locations, f"{package} is no package"
        root = Path(spec.submodule_search_locations[0])
        for file in sorted(root.rglob("*")):
            if file.suffix in _SOURCES:
                inside = file.relative_to(root).as_posix()
                digest.update(f"{package}/{inside}".encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
