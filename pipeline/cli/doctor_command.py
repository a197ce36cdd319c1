"""`spectral-distill doctor`: parse, call, print."""

import sys

import click

from pipeline.cluster.access import Access, access_options

_WOULD_BREAK = 1


@click.command()
@access_options
@click.option(
    "--pipeline", "pipeline_file", default="pipeline.yaml", show_default=True, help="Compiled pipeline to be run."
)
@click.option(
    "--experiment", default="spectral-distill", show_default=True, help="KFP experiment that is to hold the runs."
)
@click.option(
    "--plugin/--no-plugin",
    default=None,
    help="Whether KFP's MLflow plugin is on. [default: what earlier runs show]",
)
def doctor(access: Access, pipeline_file: str, experiment: str, plugin: bool | None) -> None:
    """Check an installation before the first run.

    One line for each thing that a run needs: ok, FAIL (with what to do), or skip (with why it cannot be seen from this
    machine). Nothing is changed on the server. Exit code 1 if something would break a run.
    """
    from pipeline.cluster.doctor import examine
    from pipeline.cluster.pipelines import read_package

    failed = False
    for finding in examine(access, read_package(pipeline_file), experiment=experiment, plugin=plugin):
        failed = failed or finding.status == "FAIL"
        click.echo(f"{finding.status:<5} {finding.what}: {' '.join(finding.detail.split())}")
    if failed:
        sys.exit(_WOULD_BREAK)
