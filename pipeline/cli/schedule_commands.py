"""The commands `spectral-distill schedule ...`."""

import click

from pipeline.cli.console import open_console
from pipeline.cli.launching import launch_options, read_launch
from pipeline.cli.printing import plain, table
from pipeline.cluster.access import Access, access_options
from spectral_distill.core.errors import UserError

_TIMEOUT_S = 300.0  # the exit handler of a stopped run takes about a minute


@click.group()
def schedule() -> None:
    """Manage recurring runs on Kubeflow.

    A schedule keeps the pipeline version and the settings that it was created with. If a run finds the data version of
    an earlier one, KFP's cache answers it: `resolve-data` looks again, and nothing is trained.
    """


@schedule.command()
@access_options
@click.option(
    "--cron",
    metavar="FIELDS",
    help="Five fields (minute hour day month weekday), or six with seconds first, in the server's time zone: UTC "
    "unless its administrator set CRON_SCHEDULE_TIMEZONE.",
)
@click.option("--every", metavar="INTERVAL", help="Instead of --cron: seconds, or 15m, 1h, 1d.")
@click.option(
    "--max-concurrency",
    type=click.IntRange(1, 10),
    default=1,
    show_default=True,
    help="Maximum number of its runs at the same time.",
)
@click.option("--catch-up", is_flag=True, help="Start a run for every missed time, not only for the latest.")
@click.option("--start", metavar="TIME", help="Start no run before this time, such as 2026-01-31T03:00:00Z.")
@click.option("--end", metavar="TIME", help="Start no run after this time.")
@click.option("--paused", is_flag=True, help="Create it disabled; `schedule enable` enables it.")
@launch_options
def create(access: Access, cron: str | None, every: str | None, max_concurrency: int, catch_up: bool,
           start: str | None, end: str | None, paused: bool, pipeline_file: str, name: str | None, experiment: str,
           settings_file: str | None, **settings: str | None) -> None:  # fmt: skip
    """Create a schedule; upload the pipeline if the server lacks this version."""
    if bool(cron) == bool(every):
        raise UserError("schedule create: found both or none of --cron and --every, expected one of them")
    launch = read_launch(
        pipeline_file=pipeline_file, name=name, experiment=experiment, settings_file=settings_file, settings=settings
    )
    from pipeline.cluster import schedules

    timing = schedules.Timing(
        cron=schedules.parse_cron(cron) if cron else None,
        seconds=schedules.parse_interval(every) if every else None,
        start=schedules.parse_time("--start", start),
        end=schedules.parse_time("--end", end),
        catch_up=catch_up,
        max_concurrency=max_concurrency,
    )
    console, connection = open_console(), access.connect()
    version = launch.upload(connection, console)
    made = schedules.create(
        connection,
        version,
        timing,
        name=launch.name,
        experiment=launch.experiment,
        parameters=launch.parameters,
        enabled=not paused,
    )
    console.print(f"Schedule   {made}\nLink       {connection.link('recurringrun', made)}", soft_wrap=True)


@schedule.command(name="list")
@access_options
def list_schedules(access: Access) -> None:
    """Print all schedules, newest first."""
    from pipeline.cluster.schedules import describe_trigger, list_schedules

    rows = [
        (
            one.recurring_run_id,
            plain(one.display_name),
            (one.status or "unknown").lower(),
            describe_trigger(one.trigger),
            one.max_concurrency,
            "no" if one.no_catchup else "yes",
        )
        for one in list_schedules(access.connect())
    ]
    open_console().print(table(("id", "name", "status", "when", "at once", "catch-up"), rows))


@schedule.command()
@access_options
@click.argument("schedule_id", metavar="SCHEDULE")
def enable(access: Access, schedule_id: str) -> None:
    """Enable a schedule: it starts runs."""
    access.connect().client.enable_recurring_run(schedule_id)
    click.echo(f"enabled {schedule_id}")


@schedule.command()
@access_options
@click.argument("schedule_id", metavar="SCHEDULE")
def disable(access: Access, schedule_id: str) -> None:
    """Disable a schedule: it starts no runs."""
    access.connect().client.disable_recurring_run(schedule_id)
    click.echo(f"disabled {schedule_id}")


@schedule.command()
@access_options
@click.argument("schedule_id", metavar="SCHEDULE")
@click.option("--force", is_flag=True, help="Cancel its runs in flight first, and wait for their end.")
def delete(access: Access, schedule_id: str, force: bool) -> None:
    """Delete a schedule. Its finished runs stay.

    Kubernetes deletes the Workflows of runs in flight together with the schedule, and KFP then shows such runs as
    running forever. Runs in flight are therefore refused without --force.
    """
    from pipeline.cluster import runs
    from pipeline.cluster.schedules import runs_in_flight

    connection = access.connect()
    connection.client.get_recurring_run(schedule_id)
    found = runs_in_flight(connection, schedule_id)
    if found and not force:
        raise UserError(
            f"schedule {schedule_id}: found {', '.join(found)} in flight, which would be deleted with it; wait for the "
            "end, or cancel it with --force"
        )
    if found:
        connection.client.disable_recurring_run(schedule_id)  # otherwise it may start another run meanwhile
    for run_id in found:
        connection.client.terminate_run(run_id)
        ended = runs.wait_for_end(connection, run_id, _TIMEOUT_S)
        click.echo(
            f"canceled {run_id}" if ended else f"canceled {run_id}, which has not ended within {_TIMEOUT_S:.0f} s"
        )
    connection.client.delete_recurring_run(schedule_id)
    click.echo(f"deleted {schedule_id}")
