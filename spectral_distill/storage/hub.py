"""Errors of a model or dataset hub, in one line."""

from spectral_distill.core.errors import UserError


class hub_errors:
    """Context manager that reports a hub's errors in one line.

    Args:
        what: What was looked up, such as `checkpoint owner/name`. The message starts with it.

    Raises:
        UserError: The hub answers with an error, or cannot be reached.
    """

    def __init__(self, what: str):
        self._what = what

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
        from requests.exceptions import ConnectionError as NoConnection

        if isinstance(error, HfHubHTTPError | HFValidationError):
            reason = str(error).strip().splitlines()[-1]
            raise UserError(
                f"{self._what}: not a local path, and the hub answered: {reason}; check the name"
            ) from error
        if isinstance(error, OSError | NoConnection) or type(error).__module__.startswith(("httpx", "httpcore")):
            raise UserError(
                f"{self._what}: not a local path, and no hub can be reached ({type(error).__name__}); check the path"
            ) from error
