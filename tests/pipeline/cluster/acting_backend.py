"""A KFP 2.17 backend that acts: runs go through their tasks, each time that they are asked for a little further.

What a run does follows from the compiled pipeline that was uploaded and from what the steps of this project do: they
look up their data, are answered from the cache, fail on bad input, and log into MLflow. Shapes and manners are those of
the recordings of a real backend. `faults` names what it is to do wrong.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3

from pipeline.cluster.metadata_store import MESSAGES
from spectral_distill.distillation.candidates import parse_candidate
from tests.pipeline.cluster.argo_nodes import Step, Workflow
from tests.pipeline.cluster.kfp_server import (
    API,
    INDEX,
    NEVER,
    ROUTES,
    UI_ROUTES,
    Kfp,
    Page,
    Request,
    Status,
    clock,
    one_of,
)
from tests.pipeline.cluster.project_mlflow import ProjectMlflow

FAULTS = frozenset(
    {"failed-driver", "open-parent", "always-retrains", "stale-data", "silent-schedule", "uncancellable", "no-logs"}
)
_LAUNCHER_LINE = 'I0131 03:00:01.000000       1 launcher_v2.go:150] input ComponentSpec:{\n  "name": "comp"\n}'
_NEVER_CACHED = ("resolve-data", "promote-student", "close-run")
_POLLS_UNTIL_SCHEDULE = 3
_ENDLESS_EPOCHS = 100
_COLUMNS = ("text", "label")
_REPORT_STEP, _REPORT = "compare-students", "report"
_OUTPUT = 4  # MLMD's word for an artifact that an execution put out


@dataclass
class Execution:
    """A run's workflow, and the data that it found."""

    workflow: Workflow
    parameters: dict[str, Any]
    data_version: str = ""
    is_cancelled: bool = False
    asked: int = 0

    @property
    def candidates(self) -> list[str]:
        return [parse_candidate(one).name for one in self.parameters["candidates"]]


class ActingBackend(Kfp):
    """A server for one user whose runs go on by themselves: the API server, or with `ui` the UI's in front of it."""

    def __init__(self, mlflow: ProjectMlflow, *, ui: bool = False, faults: frozenset[str] = frozenset()):
        super().__init__(ui=ui)
        assert faults <= FAULTS
        self.mlflow, self.faults = mlflow, faults
        self.executions: dict[str, Execution] = {}
        self.cached: set[str] = set()
        self.finished: set[str] = set()
        self.polls: dict[str, int] = {}

    def handle(self, request: Request) -> Any:
        for method, pattern, action in [*(UI_ROUTES if self.ui else []), *_MORE_ROUTES, *ROUTES]:
            found = re.fullmatch(pattern, request.path)
            if self.ui and not request.path.startswith(API) and action not in _OF_UI:
                continue
            if request.method == method and found:
                return getattr(self, action.__name__)(request, *found.groups())
        if self.ui:
            return Page(INDEX)
        raise Status(404, f"Not Found: {request.path}")

    def healthz(self, request: Request) -> dict:
        said = {"multi_user": False, "pipeline_store": "database"}
        if self.ui:
            return said | {"apiServerReady": True, "apiServerTagName": "2.17.0"}
        return said | {"commit_sha": "unknown", "tag_name": "2.17.0"}

    def create_run(self, request: Request) -> dict:
        made = super().create_run(request)
        self._begin(made)
        return made

    def get_run(self, request: Request, run_id: str) -> dict:
        run = one_of(self.runs, "run_id", run_id)
        execution = self.executions[run_id]
        self._advance(run, execution)
        return run | {"run_details": {"task_details": execution.workflow.details()}}

    def list_runs(self, request: Request) -> dict:
        self._fire_schedules()
        self.runs.sort(key=lambda run: -self._number(run["run_id"]))  # newest first, as it is asked for
        return super().list_runs(request)

    def terminate_run(self, request: Request, run_id: str) -> dict:
        run = one_of(self.runs, "run_id", run_id)
        if "uncancellable" not in self.faults:
            run["state"] = "CANCELING"
            self.executions[run_id].is_cancelled = True
        return {}

    def archive_run(self, request: Request, run_id: str) -> dict:
        one_of(self.runs, "run_id", run_id)["storage_state"] = "ARCHIVED"
        return {}

    def delete_pipeline(self, request: Request, pipeline: str) -> dict:
        if any(version["pipeline_id"] == pipeline for version in self.versions):
            raise Status(400, f"pipeline {pipeline} has versions")
        self.pipelines.remove(one_of(self.pipelines, "pipeline_id", pipeline))
        return {}

    def delete_version(self, request: Request, pipeline: str, version: str) -> dict:
        self.versions.remove(one_of(self.versions, "pipeline_version_id", version))
        return {}

    def ask_metadata(self, request: Request, method: str) -> bytes:
        """MLMD: a context is a run, an execution a step that ran, an artifact the report."""
        asked = MESSAGES[f"{method}Request"].FromString(request.body[5:])  # behind gRPC-web's head of a frame
        answer = MESSAGES[f"{method}Response"]()
        if method == "GetContextByTypeAndName":
            answer.context.id = self._number(asked.context_name)
        elif method == "GetExecutionsByContext":
            for index, step in enumerate(self.executions[f"run-{asked.context_id}"].workflow.steps):
                if step.phase == "done" and step.ending == "succeeded":
                    told = answer.executions.add(id=asked.context_id * 1000 + index)
                    told.custom_properties.add(key="task_name").value.string_value = step.name
        elif method == "GetEventsByExecutionIDs":
            for execution in asked.execution_ids:
                told = answer.events.add(artifact_id=execution, type=_OUTPUT)
                told.path.steps.add(key=_REPORT)
        else:
            for artifact in asked.artifact_ids:
                answer.artifacts.add(id=artifact, uri=f"minio://mlpipeline/run-{artifact // 1000}/{_REPORT}")
        self.metadata[method] = answer.SerializeToString()
        return super().ask_metadata(request, method)

    def _number(self, run_id: str) -> int:
        return int(run_id.rpartition("-")[2])

    def _begin(self, run: dict) -> None:
        version = one_of(self.versions, "pipeline_version_id", run["pipeline_version_reference"]["pipeline_version_id"])
        spec = version["pipeline_spec"].get("pipeline_spec", version["pipeline_spec"])
        defaults = {
            name: given["defaultValue"]
            for name, given in spec["root"]["inputDefinitions"]["parameters"].items()
            if "defaultValue" in given
        }
        parameters = defaults | run.get("runtime_config", {}).get("parameters", {})
        workflow = Workflow.of(f"spectral-distill-{run['run_id']}", spec, len(parameters["candidates"]))
        self.executions[run["run_id"]] = Execution(workflow, parameters)

    def _fire_schedules(self) -> None:
        for schedule in self.recurring_runs:
            number = schedule["recurring_run_id"]
            self.polls[number] = self.polls.get(number, 0) + 1
            busy = any(run.get("recurring_run_id") == number and run["finished_at"] == NEVER for run in self.runs)
            if schedule["status"] == "DISABLED" or busy or "silent-schedule" in self.faults:
                continue
            if self.polls[number] % _POLLS_UNTIL_SCHEDULE == 0:
                kept = ("experiment_id", "pipeline_version_reference", "runtime_config")
                run = {key: schedule[key] for key in kept} | {
                    "run_id": f"run-{len(self.runs) + 1}", "display_name": f"{schedule['display_name']}-1",
                    "recurring_run_id": number, "state": "PENDING", "created_at": clock(0), "finished_at": NEVER,
                }  # fmt: skip
                self.runs.append(run)
                self._begin(run)

    def _advance(self, run: dict, execution: Execution) -> None:
        """One step starts, or ends, or the run does."""
        execution.asked += 1
        steps = execution.workflow.steps
        step = next((one for one in steps if one.phase in ("waiting", "running")), None)
        if step is None:
            self._end(run, execution)
            return
        if run["state"] == "PENDING":
            run["state"] = "RUNNING"
        if step.phase == "waiting":
            self._start(run, execution, step)
        elif not self._is_endless(execution, step):
            self._finish(run, execution, step)

    def _start(self, run: dict, execution: Execution, step: Step) -> None:
        step.times = [clock(execution.asked * 10)]
        if execution.is_cancelled and not step.on_exit:
            step.phase, step.ending = "done", "failed"
            execution.workflow.give_up_after(step)
        elif step.name == "distill-student" and "failed-driver" in self.faults:
            step.phase, step.ending = "done", "driver"
            execution.workflow.give_up_after(step)
        elif self._key(execution, step) in self.cached and "always-retrains" not in self.faults:
            step.phase, step.ending = "done", "cached"
        else:
            step.phase = "running"
            self._print(execution, step, f"{_LAUNCHER_LINE}\n{step.name}: begins")

    def _finish(self, run: dict, execution: Execution, step: Step) -> None:
        step.phase = "done"
        step.times.append(clock(execution.asked * 10))
        column = execution.parameters["data_text_column"]
        if execution.is_cancelled and not step.on_exit:
            step.ending = "failed"
        elif step.name == "prepare-data" and column not in _COLUMNS:
            step.ending = "failed"
            self._print(execution, step, f"error: data: found no column {column}, expected {' or '.join(_COLUMNS)}")
        if step.ending == "failed":
            execution.workflow.give_up_after(step)
            return
        self._print(execution, step, f"{step.name}: done")
        if step.name not in _NEVER_CACHED:
            self.cached.add(self._key(execution, step))
        self._act(run, execution, step)

    def _act(self, run: dict, execution: Execution, step: Step) -> None:
        """What the project's steps do outside of Kubeflow."""
        if step.name == "resolve-data":
            execution.data_version = self._data_version(execution.parameters["data"])
            is_known = self._fingerprint(execution) in self.finished and not execution.parameters.get("force")
            is_unchanged = is_known and "always-retrains" not in self.faults
            self.mlflow.begin(run, is_unchanged)
            if is_unchanged:
                execution.workflow.skip_gated()
        elif step.name == "evaluate-students":
            self.mlflow.candidates(run, execution.candidates)
        elif step.name == _REPORT_STEP:
            page = f"<html><title>Report</title>{' '.join(execution.candidates)}</html>"
            self.objects[f"minio/mlpipeline/{run['run_id']}/{_REPORT}"] = page
            self.mlflow.report(run, page)
        elif step.name == "promote-student":
            self.mlflow.promote(run, execution.parameters["promotion_model"])
        elif step.name == "close-run" and "open-parent" not in self.faults:
            failed = any(one.is_failed for one in execution.workflow.steps)
            self.mlflow.close(run, "KILLED" if execution.is_cancelled else "FAILED" if failed else "FINISHED")

    def _end(self, run: dict, execution: Execution) -> None:
        if run["finished_at"] != NEVER:
            return
        failed = any(step.is_failed for step in execution.workflow.steps)
        run |= {"state": "FAILED" if failed else "SUCCEEDED", "finished_at": clock(execution.asked * 10)}
        if not failed:
            self.finished.add(self._fingerprint(execution))

    def _is_endless(self, execution: Execution, step: Step) -> bool:
        epochs = execution.parameters.get("teacher_epochs", 0)
        return step.name == "train-teacher" and epochs >= _ENDLESS_EPOCHS and not execution.is_cancelled

    def _data_version(self, uri: str) -> str:
        if not uri.startswith("s3://") or "stale-data" in self.faults:
            return uri
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return str(boto3.client("s3").head_object(Bucket=bucket, Key=key)["ETag"])

    def _fingerprint(self, execution: Execution) -> str:
        settings = {name: value for name, value in execution.parameters.items() if name != "force"}
        return json.dumps([settings, execution.data_version], sort_keys=True)

    def _key(self, execution: Execution, step: Step) -> str:
        return json.dumps([step.name, step.item, self._fingerprint(execution)])

    def _print(self, execution: Execution, step: Step, line: str) -> None:
        if "no-logs" not in self.faults:
            pod = execution.workflow.pod(step)
            self.logs[pod] = f"{self.logs.get(pod, '')}{line}\n"


_MORE_ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("POST", f"{API}/runs/([^/:]+):archive", ActingBackend.archive_run),
    ("DELETE", f"{API}/pipelines/([^/]+)", ActingBackend.delete_pipeline),
    ("DELETE", f"{API}/pipelines/([^/]+)/versions/([^/]+)", ActingBackend.delete_version),
]
_OF_UI = [action for _, _, action in UI_ROUTES]
