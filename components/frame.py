"""The frame around every step's work: environment, start, end, time, and the one-line answer to bad input."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from components.mounted_environment import load_mounted_environment
from spectral_distill.core.errors import UserError
from spectral_distill.core.progress import print_events, reported
from spectral_distill.tracking.server import DEFAULT_ENVIRONMENT


@contextmanager
def step(name: str, detail: str = "") -> Iterator[None]:
    """Report a step's start and end. A `UserError` becomes one line and exit code 2; faults keep their traceback."""
    load_mounted_environment()
    os.environ.update({name: value for name, value in DEFAULT_ENVIRONMENT.items() if name not in os.environ})
    print_events()
    try:
        with reported(name, detail):
            yield
    except UserError as error:
        print(f"error: {name}: {error}", file=sys.stderr)
        sys.exit(UserError.EXIT_CODE)
