"""Retries for a service that is temporarily unavailable, such as MLflow during a rollout or an overloaded S3 server.

A run of several hours must not fail because a server restarts. A step therefore retries failed requests with growing
pauses, and fails only after the timeout in SPECTRAL_DISTILL_WAIT_SECONDS (default: 10 minutes; 0 fails at once). Errors
that a retry cannot fix, such as a wrong password, always fail at once.
"""

import math
import os
import time
from collections.abc import Callable
from typing import TypeVar

from spectral_distill.core.errors import UserError
from spectral_distill.core.progress import emit

VARIABLE = "SPECTRAL_DISTILL_WAIT_SECONDS"
_DEFAULT_S = 600.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0

Answer = TypeVar("Answer")


class Unavailable(UserError):
    """A service does not answer now, but may answer later."""


def patiently(attempt: Callable[[], Answer]) -> Answer:
    """Call `attempt` until it succeeds; log and pause after each `Unavailable`.

    Args:
        attempt: The call. It runs again after a failure, so it must be safe to repeat.

    Returns:
        The result of the first successful call.

    Raises:
        Unavailable: The error of the last attempt, after the timeout.
        UserError: The environment variable of the timeout is invalid.
    """
    deadline = time.monotonic() + wait_seconds()
    pause = _FIRST_PAUSE_S
    while True:
        try:
            return attempt()
        except Unavailable as error:
            left = deadline - time.monotonic()
            if left <= 0:
                raise
            pause = min(pause, left)
            emit("note", message=f"{error}; retrying in {pause:.0f} s, for at most {left:.0f} s more ({VARIABLE})")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def wait_seconds() -> float:
    """Read the retry timeout from the environment.

    Returns:
        The timeout in seconds.

    Raises:
        UserError: SPECTRAL_DISTILL_WAIT_SECONDS is not a number of seconds.
    """
    text = os.environ.get(VARIABLE) or str(_DEFAULT_S)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise UserError(
            f"{VARIABLE}: found {text!r}, expected a number of seconds; set it to 600, or to 0 to fail at once"
        )
    return seconds
