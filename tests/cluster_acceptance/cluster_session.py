"""A session with a real cluster: commands, runs and what became of them, and the clean-up of all of it.

Commands go through `spectral-distill`, as a person gives them. What they lead to is read from KFP's API itself.
"""

import contextlib
import io
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from pipeline import cli
from pipeline.cluster.access import Access
from pipeline.cluster.connection import Connection, named, pages
from pipeline.cluster.pipelines import Package, read_package
from pipeline.cluster.steps import steps_of

ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"})
EXPERIMENT = "spectral-distill-acceptance"
CANDIDATES = [{"strategy": "uniform", "layers": 2}, {"strategy": "last", "layers": 1}]
SMALL: Mapping[str, Any] = {
    "data": "demo:bike-share",
    "teacher": "demo:minilm",
    "teacher_epochs": 2,
    "teacher_learning_rate": 2e-4,
    "profile_examples": 100,
    "candidates": CANDIDATES,
    "student_epochs": 1,
    "student_learning_rate": 2e-4,
    "latency_batches": 5,
}
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Step:
    """A task as the API tells of it: `state` is empty where it has none, `ran` says whether its container ran."""

    name: str
    state: str
    ran: bool


@dataclass(frozen=True)
class Started:
    """A run that has ended, and the settings that it had."""

    run: Any
    settings: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.run.run_id)


@dataclass
class Cluster:
    """The server that the environment names, and what this session made on it."""

    connection: Connection
    package: Package
    spec: Mapping[str, Any]
    timeout_s: float
    poll_s: float
    stamp: str
    runs: list[str] = field(default_factory=list)
    schedules: list[str] = field(default_factory=list)

    @classmethod
    def from_environment(cls) -> "Cluster":
        path = os.environ.get("ACCEPTANCE_PIPELINE") or str(_ROOT / "pipeline.yaml")
        package = read_package(path)
        options = {
            "endpoint": "KF_PIPELINES_ENDPOINT", "ui_endpoint": "KF_PIPELINES_UI_ENDPOINT",
            "namespace": "KF_PIPELINES_NAMESPACE", "token": "KF_PIPELINES_TOKEN",
            "token_file": "KF_PIPELINES_SA_TOKEN_PATH", "cookies": "KF_PIPELINES_COOKIES",
            "ca_bundle": "KF_PIPELINES_CA_BUNDLE",
        }  # fmt: skip
        return cls(
            connection=Access(**{name: os.environ.get(variable) for name, variable in options.items()}).connect(),
            package=package,
            spec=next(yaml.safe_load_all(package.path.read_bytes())),
            timeout_s=float(os.environ.get("ACCEPTANCE_TIMEOUT_S", "3600")),
            poll_s=float(os.environ.get("ACCEPTANCE_POLL_S", "5")),
            stamp=f"{time.time():.0f}",
        )

    @property
    def model(self) -> str:
        """Name in the registry, of this session alone."""
        return f"acceptance-{self.stamp}"

    def settings(self, seed: int, **other: Any) -> dict[str, Any]:
        """Small settings that no earlier run had: each seed makes other splits, so nothing comes from the cache."""
        return {
            **SMALL,
            "promotion_model": self.model,
            "data_split_seed": int(self.stamp) % 10**6 * 100 + seed,
            **other,
        }

    def expected(self, settings: Mapping[str, Any]) -> list[str]:
        """Names of all steps that a run with these settings has, those of a loop once for each item."""
        return sorted(step.name for step in steps_of(self.spec, settings) if not step.is_group)

    def submit(self, name: str, settings: Mapping[str, Any]) -> str:
        """Start a run; its id."""
        answer = self.command(
            "submit", "--pipeline", str(self.package.path), "--experiment", EXPERIMENT,
            "--name", f"acceptance {self.stamp} {name}", *as_options(settings),
        )  # fmt: skip
        assert answer.code == 0, answer
        run_id = re.search(r"^Run\s+(\S+)$", answer.out, re.MULTILINE)
        assert run_id, answer.out
        self.runs.append(run_id[1])
        return run_id[1]

    def command(self, *arguments: str) -> Answer:
        """Run `spectral-distill` with these arguments, in this process; print what it said."""
        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            mock.patch("sys.argv", ["spectral-distill", *arguments]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                cli.main()
            except SystemExit as left:
                code = int(left.code or 0)
        print(f"$ spectral-distill {' '.join(arguments)}\n{out.getvalue()}{err.getvalue()}[exit code {code}]")
        return Answer(code, out.getvalue(), err.getvalue())

    def get(self, run_id: str) -> Any:
        return self.connection.client.get_run(run_id)

    def wait(self, run_id: str) -> Any:
        """Until the run has ended."""
        run = self.wait_for(lambda: ended(self.get(run_id)), f"the end of run {run_id}")
        self.show(run)
        return run

    def wait_for(self, look: Callable[[], Any], what: str) -> Any:
        """Until `look` finds something; what it found."""
        deadline = time.monotonic() + self.timeout_s
        while not (found := look()):
            assert time.monotonic() < deadline, f"waited {self.timeout_s:g} s for {what}"
            time.sleep(self.poll_s)
        return found

    def steps(self, run: Any) -> list[Step]:
        """The run's tasks. A container ran where the task's executor has an attempt."""
        details, names = details_of(run), set(self.expected(SMALL))
        attempts = {
            child.pod_name for detail in details if detail.display_name == "executor" for child in children(detail)
        }
        seen = []
        for detail in details:
            if detail.display_name in names:
                ran = any(_continued(child.pod_name, ".executor(0)") in attempts for child in children(detail))
                seen.append(Step(detail.display_name, detail.state or "", ran))
        return sorted(seen, key=lambda step: step.name)

    def running(self, run_id: str, step: str) -> Any:
        """The run, if this step's container runs."""
        run = self.get(run_id)
        assert not ended(run), f"run {run_id} ended as {run.state} before {step} was seen to run"
        return run if Step(step, "RUNNING", True) in self.steps(run) else None

    def show(self, run: Any) -> None:
        steps = "".join(
            f"\n  {one.name:<18} {one.state or '-':<10} {'ran' if one.ran else ''}" for one in self.steps(run)
        )
        print(f"run {run.run_id} {run.display_name!r}: {run.state}, {pods_of(run)} pods{steps}")

    def of_schedule(self, schedule: str) -> list[Any]:
        """The runs that a schedule started, newest first."""
        question = {"sort_by": "created_at desc", "namespace": self.connection.namespace}
        found = pages(self.connection.client.list_runs, "runs", 100, **question)
        runs = [run for run in found if run.recurring_run_id == schedule]
        self.runs += [run.run_id for run in runs if run.run_id not in self.runs]
        return runs

    @contextlib.contextmanager
    def cleaned(self) -> Iterator["Cluster"]:
        """At the end, leave the server as it was: no schedule, no unfinished run, no version that was not there."""
        pipelines, versions = self._pipelines(), self._versions()
        try:
            yield self
        finally:
            for schedule in self.schedules:
                _tried(self.connection.client.delete_recurring_run, schedule)
            for run_id in self.runs:
                _tried(self._put_away, run_id)
            for pipeline, version in self._versions() - versions:
                _tried(self.connection.client.delete_pipeline_version, pipeline, version)
            for pipeline in self._pipelines() - pipelines:
                _tried(self.connection.client.delete_pipeline, pipeline)

    def _put_away(self, run_id: str) -> None:
        if not ended(self.get(run_id)):
            self.connection.client.terminate_run(run_id)
        self.connection.client.archive_run(run_id)

    def _pipelines(self) -> set[str]:
        filter_ = named("display_name", self.package.name)
        client, namespace = self.connection.client, self.connection.namespace
        return {
            one.pipeline_id for one in pages(client.list_pipelines, "pipelines", namespace=namespace, filter=filter_)
        }

    def _versions(self) -> set[tuple[str, str]]:
        """Of this very file."""
        filter_, ask = named("display_name", self.package.version), self.connection.client.list_pipeline_versions
        return {
            (pipeline, one.pipeline_version_id)
            for pipeline in self._pipelines()
            for one in pages(ask, "pipeline_versions", pipeline_id=pipeline, filter=filter_)
        }


def as_options(settings: Mapping[str, Any]) -> list[str]:
    """Settings as options of the command line."""
    options = []
    for name, value in settings.items():
        options.append(f"--{name.replace('_', '-')}")
        if value is not True:  # a switch
            options.append(value if isinstance(value, str) else json.dumps(value))
    return options


def ended(run: Any) -> Any:
    """The run, if it has ended."""
    return run if run.state in ENDED else None


def details_of(run: Any) -> list[Any]:
    return (run.run_details.task_details or []) if run.run_details else []


def pods_of(run: Any) -> int:
    """How many pods a run had: drivers and steps, each attempt one."""
    started = [detail.display_name or "" for detail in details_of(run) if detail.state not in (None, "SKIPPED")]
    return sum(bool(re.fullmatch(r"(?:.+-driver|executor)\(\d+\)", name)) for name in started)


def children(detail: Any) -> list[Any]:
    return detail.child_tasks or []


def _continued(node: str, more: str) -> str:
    """The id of a node below: Argo's ids end in the 32-bit FNV-1a of a path."""
    workflow, _, digest = node.rpartition("-")
    value = int(digest)
    for byte in more.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return f"{workflow}-{value}"


def _tried(action: Callable[..., Any], *arguments: str) -> None:
    """Clean-up goes on past what cannot be cleaned up, and says so."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            action(*arguments)
    except Exception as error:
        print(f"not cleaned up: {action.__name__} {' '.join(arguments)}: {error}")
