"""`spectral-distill submit` and `spectral-distill runs ...`: parse, call, print."""

import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console

from components.foundation.errors import UserError
from pipeline.cluster.access import Access, access_options
from pipeline.cluster.launching import launch_options, read_launch
from pipeline.cluster.printing import duration, plain, state_word, table
from pipeline.display import open_console

if TYPE_CHECKING:
    from pipeline.cluster.connection import Connection
    from pipeline.cluster.runs import Task

_NOT_SUCCEEDED = 1
_DAY, _CLOCK = "%Y-%m-%d %H:%M", "%H:%M:%S"


@click.command()
@access_options
@click.option("--wait", is_flag=True, help="Follow the run to its end; exit code 1 if it does not succeed.")
@launch_options
def submit(access: Access, wait: bool, pipeline_file: str, name: str | None, experiment: str,
           settings_file: str | None, **settings: str | None) -> None:  # fmt: skip
    """Start a run on Kubeflow; upload the pipeline if the server lacks this version of it.

    Settings that are not given are the pipeline's defaults. Tasks whose inputs and data version have not changed are
    answered from KFP's cache; `resolve-data` always looks again.
    """
    launch = read_launch(
        pipeline_file=pipeline_file, name=name, experiment=experiment, settings_file=settings_file, settings=settings
    )
    from pipeline.cluster.runs import start

    console, connection = open_console(), access.connect()
    version = launch.upload(connection, console)
    run_id = start(connection, version, name=launch.name, experiment=launch.experiment, parameters=launch.parameters)
    console.print(f"Run        {run_id}\nLink       {connection.link('runs', run_id)}", soft_wrap=True)
    if wait:
        _wait(connection, run_id, console)


@click.group()
def runs() -> None:
    """Runs on Kubeflow: list, status, logs, cancel."""


@runs.command(name="list")
@access_options
@click.option("--experiment", help="Only the runs of this KFP experiment.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
def list_runs(access: Access, experiment: str | None, limit: int) -> None:
    """Print the latest runs, newest first."""
    from pipeline.cluster.runs import list_runs, seconds_of

    found = list_runs(access.connect(), experiment=experiment, limit=limit)
    rows = [
        (
            run.run_id,
            plain(run.display_name),
            state_word(run.state),
            f"{run.created_at:{_DAY}}",
            duration(seconds_of(run)),
        )
        for run in found
    ]
    open_console().print(table(("id", "name", "state", "created (UTC)", "time"), rows))


@runs.command()
@access_options
@click.argument("run_id", metavar="RUN")
def status(access: Access, run_id: str) -> None:
    """Print a run's state and its tasks'."""
    from pipeline.cluster.runs import seconds_of, steps_of_run, tasks_of

    connection, console = access.connect(), open_console()
    run = connection.client.get_run(run_id)
    tasks = tasks_of(run, steps_of_run(connection, run))
    console.print(f"Run        {plain(run.display_name)}: {state_word(run.state)}  {duration(seconds_of(run))}")
    console.print(f"Link       {connection.link('runs', run_id)}", soft_wrap=True)
    rows = [(task.name, state_word(task.state), f"{task.started:{_CLOCK}}", duration(task.seconds)) for task in tasks]
    console.print(table(("task", "state", "started (UTC)", "time"), rows))


@runs.command()
@access_options
@click.argument("run_id", metavar="RUN")
@click.argument("task", required=False)
def logs(access: Access, run_id: str, task: str | None) -> None:
    """Print what a TASK of a run printed, `train-teacher` for one; without it, what the failed tasks printed."""
    from pipeline.cluster.logs import log_lines
    from pipeline.cluster.runs import steps_of_run, tasks_of

    connection = access.connect()
    run = connection.client.get_run(run_id)
    tasks = tasks_of(run, steps_of_run(connection, run))
    wanted = [one for one in tasks if one.name == task or (task is None and one.state == "FAILED")]
    if not wanted:
        known = ", ".join(sorted({one.name for one in tasks})) or "none yet"
        raise UserError(
            f"run {run_id}: found no {f'task {task}' if task else 'failed task'}; name one of its tasks: {known}"
        )
    for one in wanted:
        click.echo(f"==> {one.name}, started {one.started:{_CLOCK}} <==", err=True)
        for line in log_lines(connection, run_id, one):
            click.echo(line)


@runs.command()
@access_options
@click.argument("run_id", metavar="RUN")
def cancel(access: Access, run_id: str) -> None:
    """Stop a run; what its finished tasks made stays, and stays cached."""
    access.connect().client.terminate_run(run_id)
    click.echo(f"canceled {run_id}")


def _wait(connection: "Connection", run_id: str, console: Console) -> None:
    """Print a line for each task that ends, then the run's result; leave with exit code 1 if it is not success."""
    from pipeline.cluster.runs import follow, seconds_of

    failed: list[Task] = []

    def finished(task: "Task") -> None:
        if task.state == "FAILED":
            failed.append(task)
        console.print(f"{state_word(task.state, 10)} {task.name:<24} {duration(task.seconds)}")

    with console.status("waiting") as line:
        run = follow(connection, run_id, finished, lambda running: line.update(running or "waiting"))
    console.print(f"{state_word(run.state)} after {duration(seconds_of(run))}")
    if run.state != "SUCCEEDED":
        names = ", ".join(dict.fromkeys(task.name for task in failed)) or "none"
        why = f"failed tasks: {names}; see `spectral-distill runs logs {run_id}`"
        click.echo(f"run {run_id}: {run.state.lower()}; {why}", err=True)
        sys.exit(_NOT_SUCCEEDED)
