"""A compiled pipeline as a file, and as a pipeline with versions on the server."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from kfp_server_api import V2beta1Pipeline

from pipeline.cluster.connection import Connection, named, pages, quietly
from spectral_distill.core.errors import UserError

_PROJECT = "spectral-distill"
_DIGEST_LENGTH = 7


@dataclass(frozen=True)
class Package:
    """A compiled pipeline. The name of its version follows from its content.

    Attributes:
        path: The file.
        name: Name of the pipeline.
        description: Its description.
        version: Name of its version.
        defaults: Default of every parameter, None if it has none.
    """

    path: Path
    name: str
    description: str
    version: str
    defaults: Mapping[str, Any]

    @property
    def summary(self) -> str:
        """The first paragraph of the description, for the UI's lists; the page of a version shows the entire one."""
        return " ".join(self.description.partition("\n\n")[0].split())


@dataclass(frozen=True)
class Version:
    """A version of a pipeline on the server.

    Attributes:
        pipeline_id: Id of the pipeline.
        version_id: Id of the version.
        name: Name of the version.
        uploaded: Whether this command has uploaded it.
    """

    pipeline_id: str
    version_id: str
    name: str
    uploaded: bool


def read_package(path: str) -> Package:
    """Read a file that `spectral-distill compile` wrote.

    Args:
        path: The file.

    Returns:
        The compiled pipeline.

    Raises:
        UserError: The file cannot be read or is no compiled pipeline.
    """
    try:
        documents = list(yaml.safe_load_all(Path(path).read_bytes()))
        info, root = documents[0]["pipelineInfo"], documents[0]["root"]
    except OSError as error:
        raise UserError(f"--pipeline {path}: cannot be read ({error.strerror}); check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError, IndexError, KeyError, TypeError) as error:
        raise UserError(
            f"--pipeline {path}: found no compiled pipeline; make one with `spectral-distill compile`"
        ) from error
    content = json.dumps(documents, sort_keys=True)  # KFP's order of comments and keys varies
    return Package(
        path=Path(path),
        name=info["name"],
        description=info.get("description", ""),
        version=f"{version(_PROJECT)}-{hashlib.sha256(content.encode()).hexdigest()[:_DIGEST_LENGTH]}",
        defaults={
            name: definition.get("defaultValue")
            for name, definition in root.get("inputDefinitions", {}).get("parameters", {}).items()
        },
    )


def check_parameters(package: Package, names: Iterable[str]) -> None:
    """Check that a compiled pipeline has some parameters. A file from an older version of the project may lack one.

    Args:
        package: The compiled pipeline.
        names: Names of the parameters.

    Raises:
        UserError: A parameter is missing.
    """
    missing = sorted(set(names) - package.defaults.keys())
    if missing:
        raise UserError(
            f"--pipeline {package.path}: found no parameter {', '.join(missing)}; compile it again with "
            "`spectral-distill compile`"
        )


def upload(connection: Connection, package: Package) -> Version:
    """Upload a pipeline unless the server has a version with the same content.

    Args:
        connection: The connection to KFP.
        package: The compiled pipeline.

    Returns:
        The version on the server.

    Raises:
        UserError: The server does not answer, or answers with an error.
    """
    pipeline_id = _pipeline_id(connection, package)
    client = connection.client
    found = pages(
        client.list_pipeline_versions,
        "pipeline_versions",
        pipeline_id=pipeline_id,
        filter=named("display_name", package.version),
    )
    if found:
        return Version(pipeline_id, found[0].pipeline_version_id, package.version, uploaded=False)
    with quietly():
        made = client.upload_pipeline_version(
            str(package.path), package.version, pipeline_id=pipeline_id, description=package.description
        )
    return Version(pipeline_id, made.pipeline_version_id, package.version, uploaded=True)


def _pipeline_id(connection: Connection, package: Package) -> str:
    """Find the pipeline of this name, or create it."""
    client, namespace = connection.client, connection.namespace
    found = pages(client.list_pipelines, "pipelines", namespace=namespace, filter=named("display_name", package.name))
    if found:
        return str(found[0].pipeline_id)
    pipeline = V2beta1Pipeline(
        display_name=package.name, name=package.name, description=package.summary, namespace=namespace
    )
    return str(client.pipelines.pipeline_service_create_pipeline(pipeline=pipeline).pipeline_id)
