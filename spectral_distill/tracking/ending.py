"""How a pipeline run ends in MLflow: its final status, and the closing of runs that are still open."""

import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from spectral_distill.tracking import mlflow_runs
from spectral_distill.tracking.server import client

FINISHED_TAG = "spectral_distill.finished"
"""Set on the parent when `promote_student` has finished."""
UNCHANGED_TAG = "spectral_distill.unchanged_since"
"""Set on the parent when nothing has changed: the id of the MLflow run that holds the results."""
ENDED_TAG = "spectral_distill.ended"
"""Why a run did not finish, when its own step could not record the reason."""

_SILENCE_S = 24 * 3600
_OPEN = ("RUNNING", "SCHEDULED")
_CANCELLED = ("CANCELED", "CANCELLED", "CANCELING")
_CANCELLED_ERROR = re.compile(r"cancel|(stopped|shutdown) with strategy", re.IGNORECASE)  # the latter is Argo's wording
_API_TIMEOUT_S = 5


class Ending(NamedTuple):
    """MLflow's status of a pipeline run, and a reason unless it is FINISHED."""

    status: str
    reason: str = ""


def decide(state: str, error: str, tags: Mapping[str, str], children: Sequence[Any]) -> Ending:
    """Decide the parent's final status. The first row that applies counts.

    | what is known                                                      | ending   |
    |--------------------------------------------------------------------|----------|
    | a nested run has FAILED                                            | FAILED   |
    | `promote_student` finished, or nothing has changed (parent's tags) | FINISHED |
    | KFP's final status: SUCCEEDED or COMPLETE                          | FINISHED |
    | KFP's final status: cancelled, or its error mentions it            | KILLED   |
    | KFP's API, where a pod can reach it: cancelling or cancelled       | KILLED   |
    | anything else: final status FAILED, or RUNNING without an end      | FAILED   |

    KFP's final status alone does not decide. Its backend (2.17) reports the last state of the exit handler's group in
    the metadata store. FAILED means that a container's launcher reported its failure; COMPLETE means that all tasks of
    the group ran. In every other case the state is still RUNNING: in a run that succeeded from the cache or took no
    branch, and in one that failed in a driver, lost a pod together with its launcher, or was cancelled. The backend
    always leaves the error empty.

    Args:
        state: `dsl.PipelineTaskFinalStatus.state`.
        error: Its error message.
        tags: The parent's tags.
        children: Nested runs of this pipeline run.

    Returns:
        The final status and its reason.
    """
    failed = [child.info.run_name for child in children if child.info.status == "FAILED"]
    if failed:
        return Ending("FAILED", f"failed: {', '.join(failed)}")
    if FINISHED_TAG in tags or UNCHANGED_TAG in tags or state in ("SUCCEEDED", "COMPLETE"):
        return Ending("FINISHED")
    if state in _CANCELLED or _CANCELLED_ERROR.search(error) or _state_in_kfp() in _CANCELLED:
        return Ending("KILLED", "the run was cancelled")
    interrupted = [child.info.run_name for child in children if child.info.status in _OPEN]
    where = f"; interrupted: {', '.join(interrupted)}" if interrupted else ""
    return Ending("FAILED", f"the run did not finish{where}")


def end_all(ending: Ending, parent: Any, children: Sequence[Any], at: int | None = None) -> None:
    """End the parent and each nested run that is still open, with the same status.

    Args:
        ending: The final status and its reason.
        parent: The parent, as MLflow returns it.
        children: Its nested runs.
        at: When they ended, in milliseconds since the epoch; the present if None.
    """
    for run in [*(child for child in children if child.info.status in _OPEN), parent]:
        if ending.reason:
            client().set_tag(run.info.run_id, ENDED_TAG, ending.reason)
        elif ENDED_TAG in run.data.tags:  # of an attempt before
            client().delete_tag(run.info.run_id, ENDED_TAG)
        client().set_terminated(run.info.run_id, ending.status, at)


def end_abandoned(this_parent: str) -> int:
    """End the open runs that earlier pipeline runs abandoned in this experiment.

    A parent is abandoned when it is RUNNING and has shown no activity for more than a day: it and all its nested runs
    started earlier, none of them ended since, and no open one logged a metric since. It ends at the time of its last
    activity: FAILED if a nested run has failed, otherwise KILLED. (A run that only waited for so long, say for a GPU,
    gets its true status from its own `close_run` later.)

    Args:
        this_parent: Id of the parent of the present pipeline run, which is left alone.

    Returns:
        The number of pipeline runs that were ended.
    """
    silent_since = int(1000 * (time.time() - _SILENCE_S))
    found = mlflow_runs.parents(f"attributes.status = 'RUNNING' and attributes.start_time < {silent_since}")
    ended = 0
    for parent in found:
        children = mlflow_runs.children_of(parent.data.tags.get(mlflow_runs.RUN_ID_TAG, ""), parent.info.run_id)
        active = max(parent.info.start_time, *(_last_active(child) for child in children), 0)
        if parent.info.run_id == this_parent or active >= silent_since:
            continue
        failed = any(child.info.status == "FAILED" for child in children)
        reason = f"no activity for a day; ended by pipeline run {mlflow_runs.pipeline_run()}"
        end_all(Ending("FAILED" if failed else "KILLED", reason), parent, children, at=active)
        ended += 1
    return ended


def _last_active(run: Any) -> int:
    """Return when a run last started, ended or (while open) logged a metric, in milliseconds."""
    times = [run.info.start_time, run.info.end_time or 0]
    if run.info.status in _OPEN:
        times += [
            point.timestamp for key in run.data.metrics for point in client().get_metric_history(run.info.run_id, key)
        ]
    return max(times)


def _state_in_kfp() -> str | None:
    """Return the state of this pipeline run in KFP's API.

    Kubernetes tells pods the address of the API server only in its own namespace, as in single-user installations.
    Elsewhere the result is None.
    """
    import requests

    host, port = os.environ.get("ML_PIPELINE_SERVICE_HOST"), os.environ.get("ML_PIPELINE_SERVICE_PORT", "8888")
    if not host:
        return None
    run = f"http://{host}:{port}/apis/v2beta1/runs/{mlflow_runs.pipeline_run()}"
    try:
        return str(requests.get(run, timeout=_API_TIMEOUT_S).json().get("state"))
    except (requests.RequestException, AttributeError):
        return None
