"""How a pipeline run ends in MLflow: what is decided from, and what is done to the runs that are still open."""

import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from components.foundation import mlflow_runs
from components.foundation.mlflow_server import client

FINISHED_TAG = "spectral_distill.finished"
"""Set on the parent when `promote_student` has done its work."""
UNCHANGED_TAG = "spectral_distill.unchanged_since"
"""Set on the parent when nothing was new: the MLflow run that holds the results."""
ENDED_TAG = "spectral_distill.ended"
"""Why a run did not finish, where its own step could not say so."""

_SILENCE_S = 24 * 3600
_OPEN = ("RUNNING", "SCHEDULED")
_CANCELLED = ("CANCELED", "CANCELLED", "CANCELING")
_TOLD_CANCELLED = re.compile(r"cancel|(stopped|shutdown) with strategy", re.IGNORECASE)  # the latter as Argo says it
_API_TIMEOUT_S = 5


class Ending(NamedTuple):
    """MLflow's status of a pipeline run, and the reason where it is not FINISHED."""

    status: str
    reason: str = ""


def decide(state: str, error: str, tags: Mapping[str, str], children: Sequence[Any]) -> Ending:
    """The parent's ending, from what happened. The first row that applies counts.

    | what is known                                                      | ending   |
    |--------------------------------------------------------------------|----------|
    | a nested run has FAILED                                            | FAILED   |
    | `promote_student` is done, or nothing was new (tags of the parent) | FINISHED |
    | KFP's final status: SUCCEEDED or COMPLETE                          | FINISHED |
    | KFP's final status: cancelled, or its error tells of it            | KILLED   |
    | KFP's API, where a pod can ask it: cancelling or cancelled         | KILLED   |
    | anything else: final status FAILED, or RUNNING without an end      | FAILED   |

    KFP's final status alone does not tell. Its backend (2.17) gives the last state that the metadata store knows of the
    exit handler's group: FAILED when a container's launcher reported its failure, COMPLETE when all tasks of the group
    ran, and otherwise still RUNNING: in a run that succeeded from the cache or took no branch, and in one that failed
    in a driver, lost a pod together with its launcher, or was cancelled. The error is always empty there.

    Args:
        state: `dsl.PipelineTaskFinalStatus.state`.
        error: Its error message.
        tags: The parent's.
        children: Nested runs of this pipeline run.
    """
    failed = [child.info.run_name for child in children if child.info.status == "FAILED"]
    if failed:
        return Ending("FAILED", f"failed: {', '.join(failed)}")
    if FINISHED_TAG in tags or UNCHANGED_TAG in tags or state in ("SUCCEEDED", "COMPLETE"):
        return Ending("FINISHED")
    if state in _CANCELLED or _TOLD_CANCELLED.search(error) or _state_in_kfp() in _CANCELLED:
        return Ending("KILLED", "the run was cancelled")
    interrupted = [child.info.run_name for child in children if child.info.status in _OPEN]
    where = f"; in the middle of {', '.join(interrupted)}" if interrupted else ""
    return Ending("FAILED", f"the run did not reach its end{where}")


def end_all(ending: Ending, parent: Any, children: Sequence[Any], at: int | None = None) -> None:
    """End the parent, and each nested run that is still open, alike.

    Args:
        ending: What to write.
        parent: The parent, as MLflow gives it.
        children: Its nested runs.
        at: When they ended, in milliseconds; now where it is not given.
    """
    for run in [*(child for child in children if child.info.status in _OPEN), parent]:
        if ending.reason:
            client().set_tag(run.info.run_id, ENDED_TAG, ending.reason)
        elif ENDED_TAG in run.data.tags:  # of an attempt before
            client().delete_tag(run.info.run_id, ENDED_TAG)
        client().set_terminated(run.info.run_id, ending.status, at)


def end_abandoned(this_parent: str) -> int:
    """End what earlier pipeline runs left open in this experiment, and return how many pipeline runs that were.

    A parent is abandoned when it is RUNNING and nothing was heard of it for longer than a day: it started earlier, and
    so did each of its nested runs; none of them ended, and none that is still open logged a metric since. It ends at
    the time when it was last heard of: FAILED where a nested run has failed, otherwise KILLED. (A run that only waited
    for so long, for a GPU say, gets its true status from its own `close_run` later.)
    """
    silent_since = int(1000 * (time.time() - _SILENCE_S))
    found = mlflow_runs.parents(f"attributes.status = 'RUNNING' and attributes.start_time < {silent_since}")
    ended = 0
    for parent in found:
        children = mlflow_runs.children_of(parent.data.tags.get(mlflow_runs.RUN_ID_TAG, ""), parent.info.run_id)
        heard = max(parent.info.start_time, *(_last_heard(child) for child in children), 0)
        if parent.info.run_id == this_parent or heard >= silent_since:
            continue
        failed = any(child.info.status == "FAILED" for child in children)
        reason = f"nothing was heard of it for a day; ended by pipeline run {mlflow_runs.pipeline_run()}"
        end_all(Ending("FAILED" if failed else "KILLED", reason), parent, children, at=heard)
        ended += 1
    return ended


def _last_heard(run: Any) -> int:
    """When a run started, ended, or, while it is open, logged a metric: milliseconds."""
    times = [run.info.start_time, run.info.end_time or 0]
    if run.info.status in _OPEN:
        times += [
            point.timestamp for key in run.data.metrics for point in client().get_metric_history(run.info.run_id, key)
        ]
    return max(times)


def _state_in_kfp() -> str | None:
    """What KFP's API says of this pipeline run. Kubernetes names the API server to the pods of its own namespace, as in
    single-user installations; elsewhere the pod does not ask."""
    import requests

    host, port = os.environ.get("ML_PIPELINE_SERVICE_HOST"), os.environ.get("ML_PIPELINE_SERVICE_PORT", "8888")
    if not host:
        return None
    run = f"http://{host}:{port}/apis/v2beta1/runs/{mlflow_runs.pipeline_run()}"
    try:
        return str(requests.get(run, timeout=_API_TIMEOUT_S).json().get("state"))
    except (requests.RequestException, AttributeError):
        return None
