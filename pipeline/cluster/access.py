"""Where the Kubeflow Pipelines server is and who asks, as options that every command of a cluster takes."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipeline.cluster.connection import Connection


@dataclass(frozen=True, kw_only=True)
class Access:
    """What KFP's client wants to know. Secrets stay out of the representation, so that no message shows them."""

    endpoint: str
    ui_endpoint: str | None
    namespace: str | None
    token: str | None = field(repr=False)
    token_file: str | None
    cookies: str | None = field(repr=False)
    ca_bundle: str | None

    def connect(self) -> "Connection":
        """Open the connection. Only here is KFP's client imported, which takes seconds."""
        from pipeline.cluster.connection import connect

        return connect(self)


_OPTIONS = (
    click.option(
        "--endpoint",
        required=True,
        metavar="URL",
        envvar="KF_PIPELINES_ENDPOINT",
        show_envvar=True,
        help="The KFP server: https://kubeflow.example.com/pipeline, a port-forward such as http://localhost:8080, or "
        "inside the cluster http://ml-pipeline.kubeflow:8888.",
    ),
    click.option(
        "--ui-endpoint",
        metavar="URL",
        envvar="KF_PIPELINES_UI_ENDPOINT",
        show_envvar=True,
        help="Where people open the UI, for the links. [default: the endpoint]",
    ),
    click.option(
        "--namespace",
        envvar="KF_PIPELINES_NAMESPACE",
        show_envvar=True,
        help="Profile of a multi-user Kubeflow; none on a server for one user.",
    ),
    click.option(
        "--token", metavar="TEXT", envvar="KF_PIPELINES_TOKEN", show_envvar=True, help="Bearer token; wins over a file."
    ),
    click.option(
        "--token-file",
        metavar="FILE",
        envvar="KF_PIPELINES_SA_TOKEN_PATH",
        show_envvar=True,
        help="Token of a Kubernetes service account, read again for every request.",
    ),
    click.option(
        "--cookies",
        metavar="TEXT",
        envvar="KF_PIPELINES_COOKIES",
        show_envvar=True,
        help="Cookies of a login, such as `authservice_session=...`.",
    ),
    click.option(
        "--ca-bundle",
        metavar="FILE",
        envvar="KF_PIPELINES_CA_BUNDLE",
        show_envvar=True,
        help="Certificates (PEM) to trust, where the server's authority is a private one.",
    ),
)


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; it gets them together, as `access`."""

    @functools.wraps(command)
    def with_access(**options: Any) -> Any:
        access = Access(**{name: options.pop(name) for name in Access.__dataclass_fields__})
        return command(access=access, **options)

    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), with_access)
