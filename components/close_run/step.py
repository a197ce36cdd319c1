"""`close_run`: the last word on a pipeline run in MLflow."""

from components.foundation import tracking
from components.foundation.step import step


def close(state: str, error: str) -> None:
    """End the pipeline run in MLflow; `state` and `error` are what KFP says of the run's main group."""
    with step("close_run"):
        tracking.close_run(state, error)
