"""A connection to a Kubeflow Pipelines server: KFP's client with timeouts, retries and one-line errors."""

import contextlib
import io
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kfp
import urllib3
from kfp.client.set_volume_credentials import ServiceAccountTokenVolumeCredentials
from kfp_server_api.exceptions import ApiException
from kfp_server_api.rest import RESTClientObject
from urllib3.exceptions import HTTPError, SSLError

from pipeline.cluster.access import Access
from spectral_distill.core.errors import UserError

_CONNECT_S, _READ_S = 10, 60
_GRPC_WEB = "application/grpc-web+proto"
_BUSY = (502, 503, 504)
_PAGE = 100
_MESSAGE_LENGTH = 400

_ADVICE = {
    400: "change what it names",
    401: "give a valid login: --token, --token-file or --cookies",
    403: "ask for the right, or check --namespace and the login",
    404: "check the name or id, --namespace and --endpoint",
    409: "choose another name",
    422: "change what it names",
}


class Unreachable(UserError):
    """The server does not answer now, but may answer later."""


class Refused(UserError):
    """The server answered with an error status.

    Args:
        message: The line for the user.
        status: HTTP status.
    """

    def __init__(self, message: str, status: int):
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Content:
    """The body of an answer, with its content type."""

    type: str
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", errors="replace")

    @property
    def is_page(self) -> bool:
        """Whether it is an HTML page: the UI's server answers unknown routes with its index page."""
        return "html" in self.type


@dataclass(frozen=True)
class Connection:
    """KFP's client, and the URL of its UI."""

    client: Any
    ui: str

    @property
    def namespace(self) -> str | None:
        """Namespace of the requests; None on a single-user server."""
        return self.client.get_user_namespace() or None

    def read(
        self,
        route: str,
        *,
        host: str | None = None,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str | None] | None = None,
        message: bytes | None = None,
    ) -> "Content":
        """Read a route that KFP's client does not cover, with the client's login, timeouts and retries.

        Args:
            route: The route; `{name}` stands for an entry of `path`.
            host: Base URL to use instead of the endpoint.
            path: Values for the route.
            query: The query; entries that are None are left out.
            message: A gRPC-web message to post; None sends a GET request.

        Returns:
            The answer.

        Raises:
            Refused: The server answers with an error status.
            Unreachable: The server does not answer.
        """
        response = self.client.runs.api_client.call_api(
            route,
            "GET" if message is None else "POST",
            path_params=dict(path or {}),
            query_params=[(name, value) for name, value in (query or {}).items() if value],
            header_params={} if message is None else dict.fromkeys(("Content-Type", "Accept"), _GRPC_WEB),
            body=message,
            auth_settings=["Bearer"],
            _host=host,
            _preload_content=False,
            _return_http_data_only=True,
        )
        try:
            return Content(response.headers.get("content-type", ""), response.data)
        except HTTPError as error:
            raise Unreachable(
                f"KFP server: the answer was cut short ({type(error).__name__}); check the connection, and try again"
            ) from error

    def link(self, kind: str, identifier: str) -> str:
        """Return the UI's page of a run or recurring run.

        Args:
            kind: `runs` or `recurringrun`.
            identifier: Its id.

        Returns:
            The URL.
        """
        return f"{self.ui.rstrip('/')}/#/{kind}/details/{identifier}"


def connect(access: Access) -> Connection:
    """Connect to the server. Without a namespace, the client asks the server whether it is multi-user.

    Args:
        access: Address and login.

    Returns:
        The connection.

    Raises:
        UserError: An option is invalid, or the server does not answer.
    """
    check_options(access)
    credentials = ServiceAccountTokenVolumeCredentials(access.token_file) if access.token_file else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # "works with KFP v2 only"
        client = _Client(
            host=access.endpoint,
            existing_token=access.token,
            credentials=credentials,
            cookies=access.cookies,
            ssl_ca_cert=access.ca_bundle,
            **({"namespace": access.namespace} if access.namespace else {}),
        )
    return Connection(client, access.ui_endpoint or _without_login(access.endpoint))


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Suppress the links that KFP's client prints; the command prints its own at the end.

    Yields:
        Nothing.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def pages(ask: Callable[..., Any], items: str, limit: int | None = None, **question: Any) -> list[Any]:
    """Collect the items of a list request of the API, page by page.

    Args:
        ask: The client's method.
        items: Attribute of the answer that holds the items.
        limit: Maximum number of items; all if None.
        **question: Arguments of the method.

    Returns:
        The items.

    Raises:
        UserError: The server does not answer, or answers with an error.
    """
    found: list[Any] = []
    token = ""
    while True:
        page = ask(page_token=token, page_size=min(limit or _PAGE, _PAGE), **question)
        found += getattr(page, items) or []
        token = page.next_page_token
        if not token or (limit and len(found) >= limit):
            return found[:limit]


def named(key: str, value: str) -> str:
    """Build the API's filter for an exact name.

    Args:
        key: Field of the name, such as `display_name`.
        value: The name.

    Returns:
        The filter as JSON.
    """
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": key, "string_value": value}]})


class _Client(kfp.Client):  # type: ignore[misc]
    """KFP's client over bounded requests."""

    def __init__(self, **arguments: Any):
        super().__init__(**arguments)
        self._bound_requests()

    def get_kfp_healthz(self, sleep_duration: int = 0) -> Any:
        """Ask once for the constructor. KFP's own method asks five times, with a pause and a logged traceback each."""
        self._bound_requests()
        return self.healthzs.healthz_service_get_healthz()

    def _bound_requests(self) -> None:
        api = self.runs.api_client  # all services share it
        api.rest_client = _Requests(api.configuration)


class _Requests(RESTClientObject):  # type: ignore[misc]
    """Requests with timeouts and a few retries; the final error is reported in one line."""

    def __init__(self, configuration: Any):
        configuration.retries = urllib3.Retry(
            total=3, backoff_factor=0.5, status_forcelist=_BUSY, raise_on_status=False
        )
        self._server = f"KFP server {_without_login(configuration.host)}"
        super().__init__(configuration)

    def request(self, method: str, url: str, *, _preload_content: bool = True, **options: Any) -> Any:
        options["_request_timeout"] = (_CONNECT_S, _READ_S)
        try:
            response = super().request(method, url, _preload_content=_preload_content, **options)
        except ApiException as error:
            raise self._refusal(error) from error
        except HTTPError as error:
            raise self._silence(error) from error
        found = response.getheader("content-type", "")
        if _preload_content and "json" not in found:
            raise UserError(
                f"{self._server}: found a page ({found or 'of no type'}), a login's probably, expected JSON; give "
                "--cookies or --token of a login, and check that --endpoint is the API's address"
            )
        return response

    def _refusal(self, error: ApiException) -> UserError:
        if not error.status:  # KFP's client gives TLS errors no status
            return self._untrusted(error)
        message = _message(error)
        if error.status in _BUSY:
            return Unreachable(f"{self._server}: found {error.status} ({message}); try again when it is up")
        advice = _ADVICE.get(error.status, "check the server's log")
        return Refused(f"{self._server}: found {error.status} ({message}); {advice}", error.status)

    def _silence(self, error: HTTPError) -> UserError:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, SSLError):
            return self._untrusted(reason)
        return Unreachable(
            f"{self._server}: not reachable ({type(reason).__name__}); check --endpoint, and that the server or the "
            "port-forward runs"
        )

    def _untrusted(self, reason: Exception) -> UserError:
        return UserError(
            f"{self._server}: found no secure connection ({reason}), expected a certificate of a known authority; "
            "give the authority's with --ca-bundle"
        )


def _message(error: ApiException) -> str:
    """Return the server's message without the headers, which may hold secrets."""
    try:
        body = json.loads(error.body)
    except (TypeError, ValueError):
        body = {}
    message = next((body[key] for key in ("message", "error", "error_message") if body.get(key)), error.reason)
    return str(message)[:_MESSAGE_LENGTH]


def check_options(access: Access) -> None:
    """Check the options before the first request.

    Args:
        access: Address and login.

    Raises:
        UserError: The endpoint is no URL, or a file does not exist.
    """
    address = urlsplit(access.endpoint)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise UserError(f"--endpoint: found {_without_login(access.endpoint)!r}, expected http(s)://host; correct it")
    for option, path in (("--token-file", access.token_file), ("--ca-bundle", access.ca_bundle)):
        if path and not Path(path).is_file():
            raise UserError(f"{option} {path}: no such file; check the path")


def _without_login(url: str) -> str:
    """Remove user and password from a URL, so that a message may show it."""
    address = urlsplit(url)
    return address._replace(netloc=address.netloc.rpartition("@")[2]).geturl()
