"""The command `spectral-distill`."""

import os
import sys
import time
from pathlib import Path

import click

from components.image import IMAGE
from pipeline.cli.console import open_console
from pipeline.cli.doctor_command import doctor
from pipeline.cli.run_commands import runs, submit
from pipeline.cli.schedule_commands import schedule
from pipeline.cli.setting_options import given_settings, setting_options, warn
from pipeline.local.workspace import open_workspace
from pipeline.settings import FORM, IN_ADVANCED, describe, read_settings
from spectral_distill.core import waiting
from spectral_distill.core.errors import UserError
from spectral_distill.core.extras import extras_named
from spectral_distill.run_settings import Settings, flat
from spectral_distill.storage.uris import write_whole
from spectral_distill.tracking.server import DEFAULT_ENVIRONMENT, address

_WORKSPACE = click.option(
    "--workspace",
    default="runs",
    show_default=True,
    help="Folder of local runs: artifacts, cache, logs, MLflow's database.",
)
_SETTINGS_PAGE = """# Settings

All settings of a run. Set them on the command line (`--teacher-epochs 5`) or in a settings file (`teacher_epochs: 5`).
In the KFP UI, the settings of the first table are the parameters of a run. `make compile` writes this page.

{settings}

## Advanced settings

In the KFP UI, these settings share the parameter `advanced`, a JSON object such as
`{{"teacher_seed": 1, "latency_batches": 10}}`. Elsewhere they are settings like all others.

{advanced}

## Task options

How a cluster runs the tasks: all of them (`tasks`) or single ones (`steps`). `spectral-distill compile --deployment
FILE` sets these options; see [examples/deployment.yaml](../examples/deployment.yaml).

{task_options}
"""


def main() -> None:
    """Run the command line; bad input becomes one line and exit code 2."""
    defaults = {waiting.VARIABLE: "0", **DEFAULT_ENVIRONMENT}  # no waiting: a user can start the server
    os.environ.update({name: value for name, value in defaults.items() if name not in os.environ})
    try:
        with extras_named():
            cli(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(UserError.EXIT_CODE)
    except click.ClickException as error:
        click.echo(f"error: {error.format_message()}", err=True)
        sys.exit(UserError.EXIT_CODE)
    except UserError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(UserError.EXIT_CODE)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="spectral-distill")
def cli() -> None:
    """Distil a large text classifier into a small one, guided by the spectrum of its hidden states."""


@cli.command()
@_WORKSPACE
@click.option(
    "--runner",
    type=click.Choice(["subprocess", "docker"]),
    default="subprocess",
    show_default=True,
    help="Run tasks in processes of this environment, or in containers.",
)
@click.option("--image", default=IMAGE, show_default=True, help="Image of the containers, by tag or digest.")
@setting_options
def run(settings_file: str | None, workspace: str, runner: str, image: str, **given: str | None) -> None:
    """Run the whole pipeline on this machine."""
    from pipeline.cli.leaderboard import compared, leaderboard_table
    from pipeline.local.display import Display
    from pipeline.local.docker_runner import find_image
    from pipeline.local.running import run_locally

    settings = Settings(**given_settings(settings_file, given))
    opened, console = open_workspace(workspace), open_console()
    started = time.monotonic()
    result = run_locally(settings, opened, Display(console), find_image(image) if runner == "docker" else None)
    if result["event"] == "unchanged":
        console.print(
            f"\nNothing has changed since run {result['run']}: data, teacher, settings and code are the same."
        )
        console.print("This is its leaderboard; use --force to run anyway.\n")
        _print_leaderboard(result["run"], workspace)
        return

    from spectral_distill.comparison.artifact import REPORT, Comparison

    leaderboard = Comparison.load(result["comparison"])
    size = leaderboard.rows[0].evaluation.size
    teacher = {"accuracy": leaderboard.teacher.scores.accuracy, "bytes": size.teacher_bytes}
    console.print()
    console.print(leaderboard_table(compared(leaderboard), teacher))
    console.print(f"Verdict    {leaderboard.verdict.reason}")
    console.print(
        f"Registry   {result['registered_model']} version {result['version']}, {result['alias']}: {result['reason']}"
    )
    console.print(f"Report     {result['comparison']}/{REPORT}", soft_wrap=True)
    if result["published"]:
        console.print(f"Published  {result['published']}", soft_wrap=True)
    console.print(f"MLflow     {_how_to_open_mlflow(opened.tracking_uri())}", soft_wrap=True)
    console.print(f"Time       {time.monotonic() - started:.0f} s")


@cli.command()
@click.option("--run", "run_id", help="Id of a pipeline run. [default: the latest with students]")
@_WORKSPACE
def compare(run_id: str | None, workspace: str) -> None:
    """Print the leaderboard of a run from MLflow."""
    _print_leaderboard(run_id, workspace)


def _print_leaderboard(run_id: str | None, workspace: str) -> None:
    from pipeline.cli.leaderboard import leaderboard_table, tracked
    from spectral_distill.tracking.mlflow_runs import RUN_ID_TAG
    from spectral_distill.tracking.pipeline_run import student_runs, teacher_scores

    where = _tracking_of(workspace)
    found = student_runs(run_id)
    if not found:
        which = f"pipeline run {run_id}" if run_id else "any run"
        raise UserError(f"MLflow at {where}: found no students of {which}; start one with `spectral-distill run`")
    teacher = teacher_scores(found[0].data.tags[RUN_ID_TAG])
    open_console().print(leaderboard_table(tracked(found), teacher))


@cli.command()
@click.argument("texts", nargs=-1, required=True)
@click.option(
    "--model",
    default=None,
    help="Registered model: name (its champion), name/3, name@alias or models:/name@alias. "
    "[default: the champion of the latest run]",
)
@_WORKSPACE
def predict(texts: tuple[str, ...], model: str | None, workspace: str) -> None:
    """Predict the labels of TEXTS: label and probability, one line for each text."""
    from pipeline.cli.champion import model_uri, predict_with

    _tracking_of(workspace)
    for label, probability in predict_with(model_uri(model), texts):
        click.echo(f"{label}\t{probability:.4f}")


@cli.command()
@click.argument("plan_file", metavar="PLAN")
@click.option(
    "--output", default="docs/studies", show_default=True, help="Folder of the table, the report and the plot."
)
@click.option("--data", default=None, help="Dataset of the study. [default: the plan's]")
@click.option("--data-unlabelled", default=None, help="Texts without labels. [default: the plan's]")
@click.option("--teacher", default=None, help="URI of the teacher's checkpoint. [default: the plan's]")
@_WORKSPACE
def study(plan_file: str, output: str, workspace: str, **sources: str | None) -> None:
    """Train every student of a PLAN (YAML) that its table lacks, and report the results.

    You can stop it at any point and start it again: no training is repeated.
    """
    from pipeline.local.display import Display
    from pipeline.local.running import following_here
    from spectral_distill.study.plan import Plan

    values = read_settings(plan_file)
    here = {name: uri for name, uri in sources.items() if uri is not None}
    settings = values.get("settings") or {}
    values["settings"] = {**flat(settings, warn), **here} if isinstance(settings, dict) else settings
    plan, folder, name, console = Plan(**values), Path(output), Path(plan_file).stem, open_console()
    opened = open_workspace(workspace)
    with following_here(opened, Display(console)):
        from spectral_distill.study.harness import run_study  # libraries read at import what this context sets
        from spectral_distill.study.report import write_report

        rows, profile = run_study(plan, folder / f"{name}.csv", opened.root)
    write_report(plan, rows, profile, folder, name)
    console.print(f"Table      {folder / name}.csv\nFindings   {folder / name}.md", soft_wrap=True)


@cli.command(name="compile")
@click.option("--output", default="pipeline.yaml", show_default=True, help="File to write.")
@click.option("--image", metavar="REF", help="Image of every task, by tag or digest; overrides the deployment file's.")
@click.option("--deployment", "deployment_file", metavar="FILE", help="YAML file: how a cluster runs the tasks.")
@click.option("--settings-page", metavar="FILE", help="Also write a Markdown page of all settings.")
def compile_(output: str, image: str | None, deployment_file: str | None, settings_page: str | None) -> None:
    """Compile the pipeline to the YAML that a Kubeflow Pipelines backend runs."""
    from pipeline.deployment import Deployment, TaskOptions
    from pipeline.graph import compile_pipeline

    values = read_settings(deployment_file) if deployment_file else {}
    deployment = Deployment(**values | ({"image": image} if image else {}))
    try:
        compile_pipeline(output, deployment)
    except (OSError, ValueError) as error:
        raise UserError(f"--output {output}: {error}; expected a writable path that ends in .yaml") from error
    if settings_page:
        page = _SETTINGS_PAGE.format(
            settings=describe(FORM.items()),
            advanced=describe(IN_ADVANCED.items()),
            task_options=describe(TaskOptions.model_fields.items()),
        )
        write_whole(settings_page, page)
    click.echo(f"wrote {output}")


def _tracking_of(workspace: str) -> str:
    """Return the tracking URI for messages. A workspace without runs is refused: MLflow would create a database."""
    opened = open_workspace(workspace)
    uri = opened.tracking_uri()
    os.environ.setdefault("MLFLOW_TRACKING_URI", uri)  # what this command reads with finds it there
    if not uri:
        raise UserError("MLFLOW_TRACKING_URI: found it empty, which tracks nothing; name a server, or unset it")
    if uri == f"sqlite:///{opened.database}" and not opened.database.exists():
        raise UserError(
            f"workspace {opened.root}: found no runs; start one with `spectral-distill run`, or check --workspace"
        )
    return address()


def _how_to_open_mlflow(uri: str) -> str:
    return f"mlflow ui --backend-store-uri {uri}" if uri.startswith("sqlite:") else address()


for command in (submit, schedule, runs, doctor):
    cli.add_command(command)
