"""The events that a step reports while it works, one JSON object a line.

A local run names a file in the environment variable `EVENTS_FILE` and displays the events as they arrive. Elsewhere the
same events go to the logger `spectral_distill`, which a step in a pod prints and a notebook does not.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from spectral_distill.core.errors import UserError

EVENTS_FILE = "SPECTRAL_DISTILL_EVENTS"
_LOGGER = logging.getLogger("spectral_distill")
_INTERVAL_S = 0.25
_LOG_INTERVAL_S = 15.0

Item = TypeVar("Item")


def emit(event: str, **details: Any) -> None:
    """Report one event: append it to the events file if there is one, otherwise log it.

    Args:
        event: Kind of the event, such as `note` or `progress`.
        **details: Further values of the event. The events file needs values that JSON can hold.
    """
    record = {"event": event, "time": time.time(), **details}
    path = os.environ.get(EVENTS_FILE)
    if path:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
    else:
        _LOGGER.info(" ".join(f"{key}={value}" for key, value in record.items() if key != "time"))


def print_events() -> None:
    """Print events on stderr from now on, as lines of a pod's log."""
    _LOGGER.setLevel(logging.INFO)
    if not any(isinstance(handler, _Lines) for handler in _LOGGER.handlers):
        _LOGGER.addHandler(_Lines())


class _Lines(logging.Handler):
    """Prints to the present `sys.stderr`, which may have been replaced since the handler was made."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr, flush=True)


@contextmanager
def reported(step: str, detail: str = "") -> Iterator[None]:
    """Report a step's start, and its end or its failure. Errors are raised again.

    Args:
        step: Name of the step.
        detail: What the step works on, such as a candidate's name; empty if there is only one.

    Yields:
        Nothing. The block is the step.
    """
    started = time.monotonic()
    emit("step_started", step=step, detail=detail)
    try:
        yield
    except UserError as error:
        emit("step_failed", step=step, detail=detail, message=str(error))
        raise
    except BaseException as error:
        emit("step_failed", step=step, detail=detail, fault=type(error).__name__)
        raise
    emit("step_finished", step=step, detail=detail, seconds=round(time.monotonic() - started, 1))


class Progress:
    """The progress of one long piece of work.

    Reports are limited to one per interval: 0.25 s with an events file, 15 s in a log. The last unit is always
    reported.

    Args:
        what: Name of the work in the events.
        total: Number of units.
        done: Number of units that are already done.
    """

    def __init__(self, what: str, total: int, done: int = 0):
        self.what, self.total, self.done = what, total, done
        self._interval = _INTERVAL_S if os.environ.get(EVENTS_FILE) else _LOG_INTERVAL_S
        self._last = 0.0

    def advance(self, units: int = 1, **details: Any) -> None:
        """Count finished units, and report the progress if the interval has passed.

        Args:
            units: Number of units finished since the last call.
            **details: Further values of the event, such as the present loss.
        """
        self.done += units
        now = time.monotonic()
        if self.done >= self.total or now - self._last >= self._interval:
            self._last = now
            emit("progress", what=self.what, done=self.done, total=self.total, **details)


def track(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Iterate over items, and report how many are done.

    Args:
        items: The items.
        what: Name of the work in the events.
        total: Number of items.

    Yields:
        The items, unchanged and in order. An item counts as done when the next one is requested.
    """
    progress = Progress(what, total)
    for item in items:
        yield item
        progress.advance()
