"""Patience with a service that is away for a while, such as MLflow during a rollout or an S3 server in trouble.

A run of hours must not end because a server restarts. So a step repeats what such a service did not answer, with
growing pauses, and fails only after the time in SPECTRAL_DISTILL_WAIT_SECONDS (10 minutes unless it is set; 0 fails at
once). What another attempt cannot mend, such as a wrong password, fails at once in any case.
"""

import math
import os
import time
from collections.abc import Callable
from typing import TypeVar

from components.foundation.errors import UserError
from components.foundation.progress import emit

VARIABLE = "SPECTRAL_DISTILL_WAIT_SECONDS"
_DEFAULT_S = 600.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0

Answer = TypeVar("Answer")


class Unavailable(UserError):
    """A service does not answer now, and may answer later."""


def patiently(attempt: Callable[[], Answer]) -> Answer:
    """Call `attempt` until it answers; wait after each `Unavailable`, and say so in the log.

    Args:
        attempt: Is called again after a failure, so it must not do harm when part of it was done before.

    Returns:
        What the first successful call returns.

    Raises:
        Unavailable: The last attempt's, when the time to wait is over.
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
            emit("note", message=f"{error}; waiting {pause:.0f} s, for {left:.0f} s more at most ({VARIABLE})")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def wait_seconds() -> float:
    """How long a step waits for a service. `UserError` where the environment variable is not a number of seconds."""
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
