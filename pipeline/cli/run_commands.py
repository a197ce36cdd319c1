"""The commands `spectral-distill submit` and `spectral-distill runs ...`."""

import functools
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click
from rich.console import Console

from pipeline.cli.console import open_console
from pipeline.cli.launching import launch_options, read_launch
from pipeline.cli.printing import duration, plain, state_word, table
from pipeline.cluster.access import Access, access_options
from spectral_distill.core.errors import UserError

if TYPE_CHECKING:
    from pipeline.cluster.connection import Connection
    from pipeline.cluster.tasks import Task

_NOT_SUCCEEDED = 1
_DAY, _CLOCK = "%Y-%m-%d %H:%M", "%H:%M:%S"


@click.command()
@access_options
@click.option("--wait", is_flag=True, help="Follow the run to its end; exit code 1 if it does not succeed.")
@launch_options
def submit(access: Access, wait: bool, pipeline_file: str, name: str | None, experiment: str,
           settings_file: str | None, **settings: str | None) -> None:  # fmt: skip
    """Start a run on Kubeflow; upload the pipeline if the server lacks this version.

    Settings that you do not give keep the pipeline's defaults. KFP's cache answers tasks whose inputs and data version
    have not changed; `resolve-data` always looks again.
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
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Maximum number of runs.")
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
    """Print the state of a run and of its tasks, in the order of the graph."""
    from pipeline.cluster.explaining import explain
    from pipeline.cluster.logs import Logs
    from pipeline.cluster.runs import pipeline_of, seconds_of
    from pipeline.cluster.tasks import tasks_of, unmet_conditions

    connection, console = access.connect(), open_console()
    run = connection.client.get_run(run_id)
    pipeline = pipeline_of(connection, run)
    tasks = tasks_of(run, pipeline)
    console.print(f"Run        {plain(run.display_name)}: {state_word(run.state)}  {duration(seconds_of(run))}")
    console.print(f"Link       {connection.link('runs', run_id)}", soft_wrap=True)
    rows = [
        (
            task.name,
            plain(task.item),
            state_word(task.state),
            f"{task.started:{_CLOCK}}" if task.started else "",
            duration(task.seconds),
        )
        for task in tasks
    ]
    console.print(table(("task", "candidate", "state", "started (UTC)", "time"), rows))
    for line in explain(tasks, unmet_conditions(run, pipeline), Logs(connection, run_id)):
        console.print(plain(line))


@runs.command()
@access_options
@click.argument("run_id", metavar="RUN")
@click.argument("task", required=False)
@click.option("--candidate", metavar="NAME", help="Only the log of this candidate, as `runs status` names it.")
@click.option("--all", "everything", is_flag=True, help="Also print the lines of KFP's launcher, driver and SDK.")
@click.option("--follow", is_flag=True, help="Print until the task has ended; without TASK, follow the running tasks.")
def logs(access: Access, run_id: str, task: str | None, candidate: str | None, everything: bool, follow: bool) -> None:
    """Print the log of a TASK, such as `train-teacher`; without TASK, the logs of the failed tasks.

    An hour after a run's end its pods are gone. The logs are then read from the pipeline root, which needs the URL of
    the UI.
    """
    from pipeline.cluster.logs import Logs
    from pipeline.cluster.runs import patiently, pipeline_of
    from pipeline.cluster.tasks import Task, may_print, tasks_of

    connection = access.connect()
    run = connection.client.get_run(run_id)
    pipeline, found = pipeline_of(connection, run), Logs(connection, run_id)

    def now(wanted: Task) -> tuple[Task, bool]:
        run = patiently(lambda: connection.client.get_run(run_id))
        one = next(one for one in tasks_of(run, pipeline) if one.label == wanted.label)
        return one, may_print(one, run)

    unread: list[UserError] = []
    for one in _wanted(run_id, tasks_of(run, pipeline), task, candidate, follow):
        try:
            lines = found.following(functools.partial(now, one)) if follow else iter(found.of(one))
            _print_log(one, lines, everything)
        except UserError as error:
            unread.append(error)
    for problem in unread[:-1]:
        click.echo(f"error: {problem}", err=True)
    if unread:
        raise unread[-1]


@runs.command()
@access_options
@click.argument("run_id", metavar="RUN")
def cancel(access: Access, run_id: str) -> None:
    """Stop a run. The results of its finished tasks stay in the cache."""
    access.connect().client.terminate_run(run_id)
    click.echo(f"canceled {run_id}")


def _wanted(
    run_id: str, tasks: "Sequence[Task]", name: str | None, candidate: str | None, follow: bool
) -> "list[Task]":
    """Select the tasks whose logs are requested. `UserError` if the run has none."""

    def asked_for(task: "Task") -> bool:
        if candidate is not None and task.item != candidate:
            return False
        return task.name == name if name else task.state == "FAILED" or (follow and task.is_at_work)

    wanted = [task for task in tasks if asked_for(task)]
    if not wanted:
        sought = " ".join(filter(None, (f"task {name}" if name else "failed task", candidate and f"of {candidate}")))
        known = ", ".join(dict.fromkeys(task.name for task in tasks)) or "none yet"
        raise UserError(f"run {run_id}: found no {sought}; name one of its tasks: {known}")
    return wanted


def _print_log(task: "Task", lines: Iterable[str], everything: bool) -> None:
    from pipeline.cluster.log_lines import driver_reason, own_lines

    click.echo(f"==> {task.label}{' (its driver)' if task.failed_in_driver else ''} <==", err=True)
    if not everything:
        lines = [driver_reason(lines)] if task.failed_in_driver else own_lines(lines)
    for line in lines:
        click.echo(line)


def _wait(connection: "Connection", run_id: str, console: Console) -> None:
    """Print a line for each task that ends, then the run's result; exit with code 1 if the run did not succeed."""
    from pipeline.cluster.explaining import explain, failure
    from pipeline.cluster.logs import Logs
    from pipeline.cluster.runs import follow, pipeline_of, seconds_of
    from pipeline.cluster.tasks import tasks_of, unmet_conditions

    def show(task: "Task") -> None:
        line = f"{state_word(task.state, 11)} {plain(f'{task.name:<17} {task.item:<52}')} {duration(task.seconds)}"
        console.print(line.rstrip(), soft_wrap=True)

    def quiet() -> None:
        console.print(
            "No task has changed for some minutes: a long step, or KFP has stopped updating the tasks, as it does "
            f"when a run's Workflow exceeds 1 MiB. The UI shows the true states: {connection.link('runs', run_id)}",
            soft_wrap=True,
        )

    with console.status("waiting") as line:
        run = follow(connection, run_id, show, lambda running: line.update(plain(running) or "waiting"), quiet)
    pipeline = pipeline_of(connection, run)
    tasks = tasks_of(run, pipeline)
    for task in tasks:
        if task.state in ("NOT_STARTED", "UNKNOWN"):
            show(task)
    for text in explain(tasks, unmet_conditions(run, pipeline), Logs(connection, run_id)):
        console.print(plain(text))
    console.print(f"{state_word(run.state)} after {duration(seconds_of(run))}")
    if run.state != "SUCCEEDED":
        click.echo(f"run {run_id}: {run.state.lower()}; {failure(tasks, run_id)}", err=True)
        sys.exit(_NOT_SUCCEEDED)
