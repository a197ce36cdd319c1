"""Tasks in containers of one image on this machine: `kfp.local.DockerRunner` with mounts and environment.

A container has its image (read-only), a scratch /tmp and this machine's network. It has, under the same paths as here,
the workspace, the folder to publish to, and (read-only) the files and folders that settings and environment name.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.local.workspace import Workspace
from spectral_distill.core.errors import UserError
from spectral_distill.run_settings import Settings

_SOURCES = ("data", "data_out_of_scope", "data_unlabelled", "teacher")
"""Settings that may name files or folders on this machine."""
_PREFIXES_PASSED_ON = (
    *("AWS_", "MLFLOW_"),
    *("OMP_", "OPENBLAS_", "MKL_"),  # numerical libraries: other kernels round differently
)
_PASSED_ON = (
    *("HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""Variables of this process that are passed on to tasks, and no others."""


@dataclass(frozen=True)
class Image:
    """An image that this machine holds.

    Attributes:
        reference: Its name, as the user gave it.
        id: `sha256:` with 64 hex digits.
    """

    reference: str
    id: str


def find_image(reference: str) -> Image:
    """Look up an image on this machine.

    Args:
        reference: Name of the image.

    Returns:
        The image, with the id that the name has now.

    Raises:
        UserError: There is no such image, Docker rejects the reference, or no Docker daemon answers.
    """
    import docker
    from docker.errors import APIError, DockerException, ImageNotFound

    try:
        with contextlib.closing(docker.from_env()) as client:
            return Image(reference, client.images.get(reference).id)
    except ImageNotFound:
        raise UserError(
            f"--image {reference}: this machine has no such image; make it with `make image`, or `docker pull` it"
        ) from None
    except APIError as error:
        raise UserError(f"--image {reference}: Docker answers: {error.explanation}; check the reference") from error
    except DockerException as error:
        raise UserError(
            f"--runner docker: no Docker daemon answers ({error}); start it, or take --runner subprocess"
        ) from error


def docker_runner(settings: Settings, workspace: Workspace, environment: Mapping[str, str]) -> Any:
    """Make the runner of a run.

    Args:
        settings: Settings of the run, from `with_absolute_paths`.
        workspace: The workspace, which tasks write to.
        environment: Variables of the tasks, beside those of this process that are passed on.

    Returns:
        A `kfp.local.DockerRunner`.

    Raises:
        UserError: The folder to publish to cannot be made.
    """
    from docker.types import Mount
    from kfp import local

    passed_on = {name: value for name, value in os.environ.items() if _is_passed_on(name)}
    credentials = Path.home() / ".aws"
    read_only = {path: path for path in [*_local_sources(settings), *_files_named_in(passed_on)]}
    if credentials.is_dir():
        read_only[credentials] = Path("/tmp/.aws")  # the image's home is /tmp
    return local.DockerRunner(
        environment={**passed_on, **environment},
        mounts=[
            *(Mount(str(folder), str(folder), type="bind") for folder in _written_to(settings, workspace)),
            *(Mount(str(inside), str(here), type="bind", read_only=True) for here, inside in read_only.items()),
        ],
        user="{}:{}".format(*workspace.owner()),
        network_mode="host",
        read_only=True,
        tmpfs={"/tmp": ""},
        init=True,
        cap_drop=["ALL"],  # as the backend's pods are
        security_opt=["no-new-privileges"],
    )


def with_absolute_paths(settings: Settings) -> Settings:
    """Make local paths in settings independent of the working directory and of ~.

    Args:
        settings: Settings of a run.

    Returns:
        The same settings, with absolute paths for existing local files and folders and for a local folder to publish
        to.
    """
    named = {name: _absolute(getattr(settings, name)) for name in _SOURCES}
    if _publishes_here(settings):
        named["promotion_publish_to"] = os.path.abspath(os.path.expanduser(settings.promotion_publish_to))
    candidates = [
        {**candidate, "student": _absolute(candidate["student"])} if candidate.get("student") else candidate
        for candidate in settings.candidates
    ]
    return settings.model_copy(update={**named, "candidates": candidates})


def _is_passed_on(name: str) -> bool:
    return name in _PASSED_ON or name.startswith(_PREFIXES_PASSED_ON)


def _absolute(uri: str) -> str:
    """Make an existing local path absolute; return any other URI unchanged."""
    path = os.path.abspath(os.path.expanduser(uri))
    return path if uri and os.path.exists(path) else uri


def _publishes_here(settings: Settings) -> bool:
    return bool(settings.promotion_publish_to) and "://" not in settings.promotion_publish_to


def _written_to(settings: Settings, workspace: Workspace) -> Iterator[Path]:
    yield workspace.root
    if _publishes_here(settings):
        folder = Path(settings.promotion_publish_to)
        try:
            workspace.make(folder)
        except OSError as error:
            raise UserError(
                f"promotion_publish_to {folder}: cannot be made ({error.strerror}); choose another folder"
            ) from error
        yield folder


def _local_sources(settings: Settings) -> Iterator[Path]:
    students = [candidate.get("student", "") for candidate in settings.candidates]
    for uri in (*(getattr(settings, name) for name in _SOURCES), *students):
        if os.path.isabs(uri) and os.path.exists(uri):
            yield Path(uri)


def _files_named_in(environment: Mapping[str, str]) -> Iterator[Path]:
    """List the files that variables name, such as certificates and credentials."""
    return (Path(value) for value in environment.values() if os.path.isabs(value) and os.path.isfile(value))
