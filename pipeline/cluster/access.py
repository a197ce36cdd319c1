"""Address and login of the Kubeflow Pipelines server, as options of every cluster command."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pipeline.cluster.connection import Connection


@dataclass(frozen=True, kw_only=True)
class Access:
    """Address and login for KFP's client. The representation leaves out secrets, so that no message shows them.

    Attributes:
        endpoint: URL of the KFP server.
        ui_endpoint: URL of the UI for links; the endpoint if None.
        namespace: Namespace of a profile; None on a single-user server.
        token: Bearer token.
        token_file: File with the token of a Kubernetes service account.
        cookies: Cookies of a login.
        ca_bundle: File with trusted certificates (PEM).
    """

    endpoint: str
    ui_endpoint: str | None
    namespace: str | None
    token: str | None = field(repr=False)
    token_file: str | None
    cookies: str | None = field(repr=False)
    ca_bundle: str | None

    def connect(self) -> "Connection":
        """Connect to the server. Only this method imports KFP's client, which takes seconds.

        Returns:
            The connection.

        Raises:
            UserError: An option is invalid, or the server does not answer.
        """
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
        help="URL of the UI, for links. [default: the endpoint]",
    ),
    click.option(
        "--namespace",
        envvar="KF_PIPELINES_NAMESPACE",
        show_envvar=True,
        help="Namespace of your profile on a multi-user server; none on a single-user server.",
    ),
    click.option(
        "--token",
        metavar="TEXT",
        envvar="KF_PIPELINES_TOKEN",
        show_envvar=True,
        help="Bearer token; overrides --token-file.",
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
        help="Certificates (PEM) to trust, for a private certificate authority.",
    ),
)


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `Access` to a command, which gets them together as `access`.

    Args:
        command: The function of a click command.

    Returns:
        The function with the options.
    """

    @functools.wraps(command)
    def with_access(**options: Any) -> Any:
        access = Access(**{name: options.pop(name) for name in Access.__dataclass_fields__})
        return command(access=access, **options)

    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), with_access)
