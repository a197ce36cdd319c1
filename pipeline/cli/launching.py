"""What `submit` and `schedule create` share: settings, the compiled pipeline, a name, an experiment."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from pipeline.cli.setting_options import given_settings, setting_options
from pipeline.settings import parameters_of
from spectral_distill.run_settings import Settings

if TYPE_CHECKING:
    from pipeline.cluster.connection import Connection
    from pipeline.cluster.pipelines import Package, Version

_NAME = "spectral-distill"


@dataclass(frozen=True)
class Launch:
    """What to run, checked but not sent yet.

    Attributes:
        package: The compiled pipeline.
        parameters: Arguments of the pipeline that the user set.
        name: Name of the run or schedule.
        experiment: KFP experiment of the runs.
    """

    package: "Package"
    parameters: dict[str, Any]
    name: str
    experiment: str

    def upload(self, connection: "Connection", console: Console) -> "Version":
        """Upload the pipeline unless the server has this version, and print the version.

        Args:
            connection: The connection to KFP.
            console: Where to print.

        Returns:
            The version on the server.

        Raises:
            UserError: The server does not answer, or answers with an error.
        """
        from pipeline.cluster.pipelines import upload

        version = upload(connection, self.package)
        how = "uploaded" if version.uploaded else "already on the server"
        console.print(f"Pipeline   {self.package.name} {version.name}, {how}", soft_wrap=True)
        return version


def launch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a `Launch` to a command; `read_launch` reads them.

    Args:
        command: The function of a click command.

    Returns:
        The function with the options.
    """
    for option in (
        setting_options,
        click.option("--experiment", default=_NAME, show_default=True, help="KFP experiment of the runs."),
        click.option("--name", help=f"Name in the UI. [default: {_NAME}, the dataset and the time]"),
        click.option(
            "--pipeline", "pipeline_file", default="pipeline.yaml", show_default=True, help="Compiled pipeline to run."
        ),
    ):
        command = option(command)
    return command


def read_launch(
    *,
    pipeline_file: str,
    name: str | None,
    experiment: str,
    settings_file: str | None,
    settings: Mapping[str, str | None],
) -> Launch:
    """Validate everything that can be checked on this machine.

    Args:
        pipeline_file: File of the compiled pipeline.
        name: Name in the UI; None for a default with dataset and time.
        experiment: KFP experiment of the runs.
        settings_file: YAML file of settings, or None.
        settings: Values of the settings' options; None for those not given, which keep the pipeline's defaults.

    Returns:
        What to run.

    Raises:
        UserError: A setting is invalid, or the file is no compiled pipeline or lacks a parameter.
    """
    from pipeline.cluster.pipelines import check_parameters, read_package

    given = given_settings(settings_file, settings)
    parameters = parameters_of(Settings(**given), given)
    package = read_package(pipeline_file)
    check_parameters(package, parameters)
    return Launch(package, parameters, name or _default_name({**package.defaults, **parameters}), experiment)


def _default_name(parameters: Mapping[str, Any]) -> str:
    """Join the project, the last part of the dataset's URI (`bike-share` of `demo:bike-share`), and the time."""
    data = re.split("[/:]", str(parameters.get("data") or "").rstrip("/"))[-1]
    return " ".join(filter(None, (_NAME, data, f"{datetime.now():%Y-%m-%d %H:%M:%S}")))
