"""What `submit` and `schedule create` share: settings, the pipeline's file, a name, an experiment."""

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
    """What is to run: a compiled pipeline, the settings that the user gave, and names. Nothing has been sent."""

    package: "Package"
    parameters: dict[str, Any]
    name: str
    experiment: str

    def upload(self, connection: "Connection", console: Console) -> "Version":
        """Have the pipeline's version on the server, and say which one it is."""
        from pipeline.cluster.pipelines import upload

        version = upload(connection, self.package)
        how = "uploaded" if version.uploaded else "on the server already"
        console.print(f"Pipeline   {self.package.name} {version.name}, {how}", soft_wrap=True)
        return version


def launch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a `Launch`, for `read_launch`."""
    for option in (
        setting_options,
        click.option("--experiment", default=_NAME, show_default=True, help="KFP experiment that holds the runs."),
        click.option("--name", help=f"What the UI calls it. [default: {_NAME}, the data and the time]"),
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
    """Check everything that can be checked here. Settings that were not given are left to the pipeline's defaults."""
    from pipeline.cluster.pipelines import check_parameters, read_package

    given = given_settings(settings_file, settings)
    parameters = parameters_of(Settings(**given), given)
    package = read_package(pipeline_file)
    check_parameters(package, parameters)
    return Launch(package, parameters, name or _default_name({**package.defaults, **parameters}), experiment)


def _default_name(parameters: Mapping[str, Any]) -> str:
    """The project, the data's last part (`bike-share` of `demo:bike-share`), and the time."""
    data = re.split("[/:]", str(parameters.get("data") or "").rstrip("/"))[-1]
    return " ".join(filter(None, (_NAME, data, f"{datetime.now():%Y-%m-%d %H:%M:%S}")))
