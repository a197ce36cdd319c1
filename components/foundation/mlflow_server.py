"""The MLflow server (or database) that MLFLOW_TRACKING_URI names: a client, and one line for what is wrong with it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from components.foundation.errors import UserError

_DEFAULTS = {
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # tells in a quarter of a minute that a server is down; 7 take four minutes
}


def is_on() -> bool:
    return bool(os.environ.get("MLFLOW_RUN_ID") or os.environ.get("MLFLOW_TRACKING_URI"))


def client() -> Any:
    """MLflow's client. What the environment says about retries wins over our defaults."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    import mlflow

    return _client_of(mlflow.get_tracking_uri())


@contextmanager
def server_errors() -> Iterator[None]:
    """A server that cannot be reached, or is no MLflow, becomes one line; what it says about a request does not."""
    import requests
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise UserError(f"MLflow at {address()}: not reachable; start it or change MLFLOW_TRACKING_URI") from error
    except MlflowException as error:
        problem = server_problem(str(error))
        if problem is None:
            raise
        raise UserError(f"MLflow at {address()}: {problem}") from error


def server_problem(message: str) -> str | None:
    """What is wrong with the server itself, if that is what MLflow's message tells."""
    if "too many" in message and "error responses" in message:
        return "it answers with errors; see the server's log"
    if "Max retries" in message:
        return "not reachable; start it or change MLFLOW_TRACKING_URI"
    if "unsupported URI" in message:
        expected = "http(s)://host or sqlite:///file"
        return f"no address of a server or database; expected {expected}; change MLFLOW_TRACKING_URI"
    if "API request to" in message:
        return f"{message.splitlines()[0][:200]}; check MLFLOW_TRACKING_URI"
    return None


def address() -> str:
    """The tracking URI without credentials, fit for people's eyes."""
    scheme, separator, rest = os.environ.get("MLFLOW_TRACKING_URI", "").partition("://")
    host, slash, path = rest.partition("/")
    return scheme + separator + host.rpartition("@")[2] + slash + path


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
