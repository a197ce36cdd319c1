"""What a step tells the outside while it works: events, one JSON object a line.

A local run names a file in the environment variable below and draws the events as they come. Elsewhere the same
events are lines of the logger `spectral_distill`, which a step in a pod prints and a notebook does not.
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
    """Hand one event on: appended to the events file where there is one, otherwise logged."""
    record = {"event": event, "time": time.time(), **details}
    path = os.environ.get(EVENTS_FILE)
    if path:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
    else:
        _LOGGER.info(" ".join(f"{key}={value}" for key, value in record.items() if key != "time"))


def print_events() -> None:
    """Print events on stderr from now on, as a pod's log wants them."""
    _LOGGER.setLevel(logging.INFO)
    if not any(isinstance(handler, _Lines) for handler in _LOGGER.handlers):
        _LOGGER.addHandler(_Lines())


class _Lines(logging.Handler):
    """Prints on the stderr of the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr, flush=True)


@contextmanager
def reported(step: str, detail: str = "") -> Iterator[None]:
    """Emit a step's start and end, or how it failed. Errors go on."""
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
    """Progress of one long piece of work, `total` units long; reports are thinned out in time."""

    def __init__(self, what: str, total: int, done: int = 0):
        self.what, self.total, self.done = what, total, done
        self._interval = _INTERVAL_S if os.environ.get(EVENTS_FILE) else _LOG_INTERVAL_S
        self._last = 0.0

    def advance(self, units: int = 1, **details: Any) -> None:
        self.done += units
        now = time.monotonic()
        if self.done >= self.total or now - self._last >= self._interval:
            self._last = now
            emit("progress", what=self.what, done=self.done, total=self.total, **details)


def track(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Yield the items and report how many of `total` are done."""
    progress = Progress(what, total)
    for item in items:
        yield item
        progress.advance()
