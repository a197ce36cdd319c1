"""Waiting for a service that is away: how long, how often, and what the log says of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spectral_distill.core import waiting
from spectral_distill.core.errors import UserError
from spectral_distill.core.progress import EVENTS_FILE
from spectral_distill.core.waiting import VARIABLE, Unavailable, patiently


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; time passes only in them."""
    made: list[float] = []
    monkeypatch.setattr(waiting.time, "sleep", made.append)
    monkeypatch.setattr(waiting.time, "monotonic", lambda: sum(made))
    return made


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    path = tmp_path / "events.jsonl"
    path.touch()
    monkeypatch.setenv(EVENTS_FILE, str(path))
    return lambda: [json.loads(line)["message"] for line in path.read_text().splitlines()]


def away(times: float, error: type[UserError] = Unavailable) -> Callable[[], int]:
    """Answers with the number of the attempt, after so many that fail."""
    attempts = 0

    def attempt() -> int:
        nonlocal attempts
        attempts += 1
        if attempts <= times:
            raise error("S3 is away")
        return attempts

    return attempt


def test_a_service_that_comes_back_is_waited_for_with_growing_pauses(
    pauses: list[float], notes: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    assert patiently(away(5)) == 6
    assert pauses == [1, 2, 4, 8, 16]
    assert len(notes()) == len(pauses)
    assert notes()[1] == f"S3 is away; retrying in 2 s, for at most 599 s more ({VARIABLE})"


def test_it_is_given_up_after_ten_minutes(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(Unavailable, match="S3 is away"):
        patiently(away(float("inf")))
    assert sum(pauses) == 600
    assert max(pauses) == 60


def test_the_last_attempt_comes_when_the_time_is_over(pauses: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "5")
    assert patiently(away(3)) == 4
    assert pauses == [1, 2, 2]


@pytest.mark.parametrize(("seconds", "error"), [("0", Unavailable), ("600", UserError)])
def test_what_waiting_does_not_mend_or_may_not_fails_at_once(
    pauses: list[float], notes: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, seconds: str, error: Any
) -> None:
    monkeypatch.setenv(VARIABLE, seconds)
    with pytest.raises(error, match="S3 is away"):
        patiently(away(1, error))
    assert pauses == [] and notes() == []


@pytest.mark.parametrize("value", ["ten", "-1", "inf", "nan"])
def test_a_time_that_makes_no_sense_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(UserError, match=f"{VARIABLE}.*'{value}'.*a number of seconds; set it to 600"):
        patiently(away(0))
