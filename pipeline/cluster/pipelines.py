"""The compiled pipeline as a file, and as a pipeline with versions on the server."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from kfp_server_api import V2beta1Pipeline

from components.foundation.errors import UserError
from pipeline.cluster.connection import Connection, named, pages, quietly

_PROJECT = "spectral-distill"
_DIGEST_LENGTH = 7


@dataclass(frozen=True)
class Package:
    """A compiled pipeline: its file, its name and description, and a name for its version that follows its content."""

    path: Path
    name: str
    description: str
    version: str
    defaults: Mapping[str, Any]
    """Every parameter and its default, None where it has none."""

    @property
    def summary(self) -> str:
        """The description's first paragraph: the UI's lists show it in one line, its page beside the version's own."""
        return " ".join(self.description.partition("\n\n")[0].split())


@dataclass(frozen=True)
class Version:
    """A version of a pipeline on the server; `uploaded` tells whether it is there only now."""

    pipeline_id: str
    version_id: str
    name: str
    uploaded: bool


def read_package(path: str) -> Package:
    """Read what `spectral-distill compile` wrote."""
    try:
        documents = list(yaml.safe_load_all(Path(path).read_bytes()))
        info, root = documents[0]["pipelineInfo"], documents[0]["root"]
    except OSError as error:
        raise UserError(f"--pipeline {path}: cannot be read ({error.strerror}); check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError, IndexError, KeyError, TypeError) as error:
        raise UserError(
            f"--pipeline {path}: found no compiled pipeline; make one with `spectral-distill compile`"
        ) from error
    said = json.dumps(documents, sort_keys=True)  # KFP orders the comments and keys of the same pipeline as it likes
    return Package(
        path=Path(path),
        name=info["name"],
        description=info.get("description", ""),
        version=f"{version(_PROJECT)}-{hashlib.sha256(said.encode()).hexdigest()[:_DIGEST_LENGTH]}",
        defaults={
            name: definition.get("defaultValue")
            for name, definition in root.get("inputDefinitions", {}).get("parameters", {}).items()
        },
    )


def check_parameters(package: Package, names: Iterable[str]) -> None:
    """A file that an older version of the project compiled may lack a setting."""
    missing = sorted(set(names) - package.defaults.keys())
    if missing:
        raise UserError(
            f"--pipeline {package.path}: found no parameter {', '.join(missing)}; compile it again with "
            "`spectral-distill compile`"
        )


def upload(connection: Connection, package: Package) -> Version:
    """The version of the pipeline that holds this file's content; it is uploaded if the server has none."""
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
    """The pipeline of this name, made if there is none."""
    client, namespace = connection.client, connection.namespace
    found = pages(client.list_pipelines, "pipelines", namespace=namespace, filter=named("display_name", package.name))
    if found:
        return str(found[0].pipeline_id)
    pipeline = V2beta1Pipeline(
        display_name=package.name, name=package.name, description=package.summary, namespace=namespace
    )
    return str(client.pipelines.pipeline_service_create_pipeline(pipeline=pipeline).pipeline_id)
