"""The command `spectral-distill doctor`."""

import sys

import click

from pipeline.cluster.access import Access, access_options

_WOULD_BREAK = 1


@click.command()
@access_options
@click.option(
    "--pipeline", "pipeline_file", default="pipeline.yaml", show_default=True, help="Compiled pipeline to check."
)
@click.option("--experiment", default="spectral-distill", show_default=True, help="KFP experiment of the runs.")
@click.option(
    "--plugin/--no-plugin",
    default=None,
    help="Whether KFP's MLflow plugin is on. [default: detect it from recent runs]",
)
def doctor(access: Access, pipeline_file: str, experiment: str, plugin: bool | None) -> None:
    """Check an installation before the first run.

    Prints one line for each thing that a run needs: ok, FAIL (with the fix), or skip (with the reason why this machine
    cannot check it). Changes nothing on the server. The exit code is 1 if a run would fail.
    """
    from pipeline.cluster.doctor import examine
    from pipeline.cluster.pipelines import read_package

    failed = False
    for finding in examine(access, read_package(pipeline_file), experiment=experiment, plugin=plugin):
        failed = failed or finding.status == "FAIL"
        click.echo(f"{finding.status:<5} {finding.what}: {' '.join(finding.detail.split())}")
    if failed:
        sys.exit(_WOULD_BREAK)
