"""Recurring runs on the server."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.cluster.connection import Connection, named, pages
from pipeline.cluster.pipelines import Version
from pipeline.cluster.runs import experiment_id
from pipeline.cluster.tasks import FINISHED
from spectral_distill.core.errors import UserError

_LATEST = 100
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, kw_only=True)
class Timing:
    """When a schedule starts runs.

    Attributes:
        cron: Six cron fields, seconds first, in the server's time zone; None for an interval.
        seconds: Interval in seconds; None for a cron schedule.
        start: No run starts before this time (UTC).
        end: No run starts after this time (UTC).
        catch_up: Whether missed runs are started, too.
        max_concurrency: Maximum number of its runs at the same time.
    """

    cron: str | None
    seconds: int | None
    start: datetime | None
    end: datetime | None
    catch_up: bool
    max_concurrency: int


def parse_cron(text: str) -> str:
    """Parse a cron line into KFP's six fields.

    The usual five fields get second 0, because KFP would take the minutes for seconds.

    Args:
        text: Five or six fields.

    Returns:
        Six fields, seconds first.

    Raises:
        UserError: The text has another number of fields.
    """
    fields = text.split()
    if len(fields) not in (5, 6):
        raise UserError(
            f"--cron: found {text!r} with {len(fields)} fields, expected five (minute hour day month weekday) or six "
            "with seconds first, such as '0 3 * * 1' for Mondays at three"
        )
    return " ".join(fields if len(fields) == 6 else ["0", *fields])


def parse_interval(text: str) -> int:
    """Parse an interval: `90`, `15m`, `1h` or `1d`.

    Args:
        text: The interval.

    Returns:
        Seconds.

    Raises:
        UserError: The text is no interval.
    """
    found = re.fullmatch(r"([1-9]\d*)([smhd]?)", text)
    if not found:
        raise UserError(f"--every: found {text!r}, expected seconds or a number with m, h or d, such as 1d")
    return int(found[1]) * _UNIT_SECONDS[found[2]]


def parse_time(option: str, text: str | None) -> datetime | None:
    """Parse a time with its time zone.

    Args:
        option: Name of the option, for messages.
        text: An ISO 8601 time, or None.

    Returns:
        The time in UTC, or None.

    Raises:
        UserError: The text is no time, or has no time zone.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None:
        raise UserError(f"{option}: found {text!r}, expected a time with its zone, such as 2026-01-31T03:00:00Z")
    return moment.astimezone(UTC)


def create(
    connection: Connection,
    version: Version,
    timing: Timing,
    *,
    name: str,
    experiment: str,
    parameters: Mapping[str, Any],
    enabled: bool,
) -> str:
    """Create a recurring run of a pipeline version.

    Args:
        connection: The connection to KFP.
        version: The pipeline version to run.
        timing: When its runs start.
        name: Name of the recurring run.
        experiment: KFP experiment of its runs; it is created if it does not exist.
        parameters: Arguments of the pipeline; its defaults apply to the others.
        enabled: Whether it starts runs at once.

    Returns:
        The id of the recurring run.

    Raises:
        UserError: The server does not answer, or answers with an error.
    """
    made = connection.client.create_recurring_run(
        experiment_id=experiment_id(connection, experiment),
        job_name=name,
        cron_expression=timing.cron,
        # The API's schema has these two 64-bit numbers as text, as in Protobuf's JSON.
        interval_second=str(timing.seconds) if timing.seconds else None,
        max_concurrency=str(timing.max_concurrency),
        start_time=timing.start,
        end_time=timing.end,
        no_catchup=not timing.catch_up,
        params=dict(parameters),
        pipeline_id=version.pipeline_id,
        version_id=version.version_id,
        enabled=enabled,
    )
    return str(made.recurring_run_id)


def list_schedules(connection: Connection) -> list[Any]:
    """List all recurring runs, newest first.

    Args:
        connection: The connection to KFP.

    Returns:
        KFP's recurring runs.

    Raises:
        UserError: The server does not answer, or answers with an error.
    """
    return pages(
        connection.client.list_recurring_runs,
        "recurring_runs",
        sort_by="created_at desc",
        namespace=connection.namespace,
    )


def runs_in_flight(connection: Connection, schedule_id: str) -> list[str]:
    """List the runs of a recurring run that have not ended, among its latest 100.

    Args:
        connection: The connection to KFP.
        schedule_id: Id of the recurring run.

    Returns:
        Ids of the runs.

    Raises:
        UserError: The server does not answer, or answers with an error.
    """
    latest = pages(
        connection.client.list_runs,
        "runs",
        limit=_LATEST,
        sort_by="created_at desc",
        namespace=connection.namespace,
        filter=named("recurring_run_id", schedule_id),
    )
    return [run.run_id for run in latest if run.state not in FINISHED]


def describe_trigger(trigger: Any) -> str:
    """Describe when a recurring run starts runs.

    Args:
        trigger: KFP's trigger.

    Returns:
        A few words, such as `every 3600 s`.
    """
    if trigger.cron_schedule is not None:
        return f"cron {trigger.cron_schedule.cron}"
    return f"every {trigger.periodic_schedule.interval_second} s"
