"""The MLflow server (or database) that MLFLOW_TRACKING_URI names: a client, and one-line messages for its problems."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from spectral_distill.core.errors import UserError
from spectral_distill.core.waiting import Unavailable, patiently

DEFAULT_ENVIRONMENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3"}
"""Defaults that entry points set in their process's environment. 3 retries detect in a quarter of a minute that a
server is down; MLflow's default of 7 takes four minutes."""
_NOT_REACHABLE = "not reachable; start it or change MLFLOW_TRACKING_URI"
_IN_TROUBLE = "it answers with errors; see the server's log"
_PASSING_STATUS = re.compile(r"too many \d+ error responses|failed with error code (5\d\d|429)\b")
_CERTIFICATE = re.compile(r"SSLError|SSLCertVerificationError|CERTIFICATE_VERIFY_FAILED")

Answer = TypeVar("Answer")


def is_on() -> bool:
    """Check whether tracking is on.

    Returns:
        Whether MLFLOW_RUN_ID or MLFLOW_TRACKING_URI is set.
    """
    return bool(os.environ.get("MLFLOW_RUN_ID") or os.environ.get("MLFLOW_TRACKING_URI"))


def client() -> Any:
    """Return MLflow's client for the present tracking URI.

    Returns:
        The `MlflowClient`; one for each URI.

    Raises:
        UserError: The database cannot be opened.
    """
    import mlflow

    return _client_of(mlflow.get_tracking_uri())


def ask(request: Callable[[], Answer]) -> Answer:
    """Send a request to MLflow, and retry while the server is unavailable (see `waiting`).

    Args:
        request: One or several calls of MLflow's client. It must be safe to repeat as a whole.

    Returns:
        The result of `request`.

    Raises:
        UserError: The server stays unavailable until the timeout, or is not an MLflow server. MLflow's errors about the
            request itself are raised unchanged.
    """

    def attempt() -> Answer:
        with server_errors():
            return request()

    return patiently(attempt)


@contextmanager
def server_errors() -> Iterator[None]:
    """Turn problems of the server into one-line errors inside the block.

    MLflow's errors about a request itself are raised unchanged.

    Yields:
        Nothing.

    Raises:
        UserError: The server cannot be reached or is not an MLflow server. It is `Unavailable` if a retry can help.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        problem = server_problem(error)
        if problem is None:
            raise
        raise problem from error


def server_problem(error: Exception) -> UserError | None:
    """Find out whether an error shows a problem of the server itself.

    Args:
        error: An error from a call to MLflow.

    Returns:
        The problem, as `Unavailable` if a retry can help; None if the error is about the request.
    """
    import requests
    from mlflow.exceptions import MlflowException

    if isinstance(error, MlflowException):
        return _problem(str(error), error.error_code)
    if isinstance(error, requests.exceptions.SSLError):
        return _problem(f"SSLError {error}")
    if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.Timeout):
        return _unavailable(_NOT_REACHABLE)
    if isinstance(error, requests.exceptions.HTTPError) and error.response is not None:
        return _problem(f"failed with error code {error.response.status_code}")
    if type(error).__module__.partition(".")[0] in ("boto3", "botocore"):  # an artifact store on S3
        from spectral_distill.storage import s3

        return _unavailable(f"its artifact store is away ({error})") if s3.is_passing(error) else None
    return None


def address() -> str:
    """Return the tracking URI for messages.

    Returns:
        The URI without credentials; empty if it is not set.
    """
    scheme, separator, rest = os.environ.get("MLFLOW_TRACKING_URI", "").partition("://")
    host, slash, path = rest.partition("/")
    return scheme + separator + host.rpartition("@")[2] + slash + path


def _problem(message: str, code: str = "") -> UserError | None:
    if _CERTIFICATE.search(message):
        return _wrong("its certificate is not trusted; set MLFLOW_TRACKING_SERVER_CERT_PATH")
    if _PASSING_STATUS.search(message):
        return _unavailable(_IN_TROUBLE)
    if "Max retries" in message or re.search(r"failed with (timeout )?exception", message):
        return _unavailable(_NOT_REACHABLE)
    if code == "TEMPORARILY_UNAVAILABLE":  # a database without a server before it
        return _unavailable(f"its database does not answer ({message.splitlines()[0][:200]})")
    if "unsupported URI" in message:
        expected = "http(s)://host or sqlite:///file"
        return _wrong(f"no address of a server or database; expected {expected}; change MLFLOW_TRACKING_URI")
    if "API request to" in message:
        return _wrong(f"{message.splitlines()[0][:200]}; check MLFLOW_TRACKING_URI")
    return None


def _unavailable(problem: str) -> Unavailable:
    return Unavailable(f"MLflow at {address()}: {problem}")


def _wrong(problem: str) -> UserError:
    return UserError(f"MLflow at {address()}: {problem}")


@cache
def _client_of(uri: str) -> Any:
    from mlflow import MlflowClient
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return MlflowClient(uri)  # opens the store
    except (OSError, SQLAlchemyError) as error:
        reason = " ".join(str(error).splitlines()[0].split())
        raise UserError(
            f"MLflow at {address()}: cannot be opened ({reason}); choose a database in a folder that can be written, "
            "change MLFLOW_TRACKING_URI"
        ) from error
