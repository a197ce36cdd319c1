"""The frame around every step's work: start, end, time, and the one-line answer to bad input."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from components.foundation.errors import UserError
from components.foundation.mounted_environment import load_mounted_environment
from components.foundation.progress import emit


@contextmanager
def step(name: str, detail: str = "") -> Iterator[None]:
    """Report a step's start and end. A `UserError` becomes one line and exit code 2; faults keep their traceback."""
    started = time.monotonic()
    load_mounted_environment()
    emit("step_started", step=name, detail=detail)
    try:
        yield
    except UserError as error:
        emit("step_failed", step=name, detail=detail, message=str(error))
        print(f"error: {name}: {error}", file=sys.stderr)
        sys.exit(UserError.EXIT_CODE)
    except BaseException as error:
        emit("step_failed", step=name, detail=detail, fault=type(error).__name__)
        raise
    emit("step_finished", step=name, detail=detail, seconds=round(time.monotonic() - started, 1))
