"""Registry of strategies: entry points of this project and of any other installed package.

A strategy is named by its entry point in the group below, or directly by its import path, `package.module:function`.
"""

import hashlib
import importlib
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from spectral_distill.core.options import suggest

GROUP = "spectral_distill.strategies"


def known_strategies() -> list[str]:
    """List the installed strategies.

    Returns:
        Their names, sorted.
    """
    return sorted(entry_points(group=GROUP).names)


def check_strategy(name: str) -> None:
    """Check that a strategy exists. An import path is imported now, so that an error does not appear hours later.

    Args:
        name: Name of an entry point, or `package.module:function`.

    Raises:
        ValueError: The strategy does not exist or cannot be imported.
    """
    if ":" in name:
        load_strategy(name)
    elif name not in known_strategies():
        raise ValueError(
            f"strategy: found {name!r}, expected an installed one or package.module:function; "
            f"{suggest(name, known_strategies())}"
        )


def load_strategy(name: str) -> Any:
    """Load the function of a strategy.

    Args:
        name: Name of an entry point, or `package.module:function`.

    Returns:
        The function.

    Raises:
        ValueError: The import path cannot be imported or names no function.
    """
    if ":" not in name:
        return next(iter(entry_points(group=GROUP, name=name))).load()
    try:
        function = EntryPoint(name=name, value=name, group=GROUP).load()
    except Exception as error:  # importing runs the user's code, which may fail in any way
        raise ValueError(
            f"strategy: {name}: cannot be imported ({type(error).__name__}: {error}); expected package.module:function "
            "on the Python path"
        ) from error
    if not callable(function):
        raise ValueError(f"strategy: {name}: found {type(function).__name__}, expected a function")
    return function


def foreign_code(names: Iterable[str]) -> str:
    """Digest the modules of the strategies that are not this project's own.

    Args:
        names: Names or import paths of strategies.

    Returns:
        The first 8 hex digits of a sha256 over the modules' files; empty if all strategies are this project's own.
    """
    installed = {point.name: point.value for point in entry_points(group=GROUP)}
    paths = {installed.get(name, name) for name in names}
    modules = sorted({path.partition(":")[0] for path in paths if not path.startswith("components.")})
    files = [importlib.import_module(module).__file__ for module in modules]
    digest = hashlib.sha256(b"".join(Path(file).read_bytes() for file in files if file))
    return digest.hexdigest()[:8] if files else ""
