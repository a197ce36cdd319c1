"""Optional packages: one line that names the missing extra."""

from collections.abc import Iterator
from contextlib import contextmanager

from spectral_distill.core.errors import UserError

_EXTRAS = {
    "kfp": "kfp",
    "kfp_server_api": "kfp",
    "kubernetes": "kfp",
    "mlflow": "mlflow",
    "sqlalchemy": "mlflow",
    "boto3": "s3",
    "botocore": "s3",
    "docker": "docker",
}
"""By package, the extra that brings it."""


@contextmanager
def extras_named() -> Iterator[None]:
    """Report a missing optional package in one line that names the extra.

    Yields:
        Nothing. Imports inside the block are covered.

    Raises:
        UserError: A package that an extra installs is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        raise UserError(
            f"{package}: not installed; install it with `pip install 'spectral-distill[{_EXTRAS[package]}]'`"
        ) from error
