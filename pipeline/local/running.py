"""Run the pipeline's graph on one machine with `kfp.local`: tasks are subprocesses or containers, with caching."""

import contextlib
import json
import logging
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.image import VARIABLE as IMAGE_VARIABLE
from components.image import code_version
from pipeline.local.display import Display
from pipeline.local.docker_runner import Image, docker_runner, with_absolute_paths
from pipeline.local.task_handlers import docker_tasks, subprocess_tasks
from pipeline.local.warm_python import warm_python
from pipeline.local.workspace import Workspace
from pipeline.settings import parameters_of
from spectral_distill.core import waiting
from spectral_distill.core.errors import UserError
from spectral_distill.core.progress import EVENTS_FILE
from spectral_distill.distillation.candidates import parse_candidates
from spectral_distill.run_settings import Settings
from spectral_distill.selection.registry import foreign_code
from spectral_distill.training import cache_folder as trainings_folder

_TASK_IMPORTS = (
    "kfp.dsl.executor",
    "mlflow",
    "spectral_distill.tracking.tables",
    "datasets",
    "torch",
    "scipy.stats",
    "sklearn.linear_model",
    "torch.distributed.tensor",
    "transformers.modeling_utils",
    "transformers.trainer",
    "spectral_distill.distillation.distilling",
    "spectral_distill.evaluation.evaluating",
    "spectral_distill.comparison.comparing",
    "mlflow.transformers",
    "transformers.pipelines",
)
"""Modules that tasks import, those of the first tasks first. No task starts during an import, hence the small steps."""


def run_locally(
    settings: Settings, workspace: Workspace, display: Display, image: Image | None = None
) -> dict[str, Any]:
    """Run the pipeline on this machine.

    kfp's output goes to the workspace's log.

    Args:
        settings: Settings of the run.
        workspace: Folder for artifacts, cache, logs and MLflow's database.
        display: Shows the progress.
        image: Image whose containers run the tasks; None for subprocesses of this environment.

    Returns:
        The `result` event, with the path of the `comparison` and what was promoted; or the `unchanged` event if nothing
        is new since an earlier run.

    Raises:
        UserError: A task reports bad input, or the workspace cannot be used.
        RuntimeError: A task fails for another reason; the message names the log.
    """
    run_id = _new_run_id()
    log, events = workspace.log(run_id), workspace.events(run_id)
    _make_folders(workspace, events)
    environment = {
        "KFP_RUN_ID": run_id,
        "MLFLOW_TRACKING_URI": workspace.tracking_uri(),
        EVENTS_FILE: str(events),
        trainings_folder.VARIABLE: str(workspace.trainings),
        waiting.VARIABLE: os.environ.get(waiting.VARIABLE, "0"),
        "PYTHONUNBUFFERED": "1",
        **_quiet(),
    }
    failed = False
    with display.following(events), _output_to(log), _noting_cache_hits(display):
        try:
            if image is not None:
                _run_in_containers(settings, workspace, image, environment)
            else:
                _run_in_subprocesses(settings, workspace, environment)
        except RuntimeError:  # kfp.local raises it if a task fails
            failed = True
    history = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    if failed:
        raise _failure(history, log)
    return next(event for event in reversed(history) if event["event"] in ("result", "unchanged"))


@contextlib.contextmanager
def following_here(workspace: Workspace, display: Display) -> Iterator[None]:
    """Draw the events of steps that run in this process, without the graph. Output of libraries goes to a log.

    Args:
        workspace: Folder for logs and checkpoints.
        display: Draws the events.

    Raises:
        UserError: A step reports bad input, or the workspace cannot be used; the message names the failed step.
    """
    run_id = _new_run_id()
    log, events = workspace.log(run_id), workspace.events(run_id)
    _make_folders(workspace, events)
    environment = {EVENTS_FILE: str(events), trainings_folder.VARIABLE: str(workspace.trainings), **_quiet()}
    try:
        with _environment(environment), display.following(events), _output_to(log):
            yield
    except UserError as error:
        history = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
        failed = [event["step"] for event in history if event["event"] == "step_failed"]
        raise UserError(f"{failed[0]}: {error}" if failed else str(error)) from None


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Add these variables to this process's environment within the block."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _new_run_id() -> str:
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def _run_in_subprocesses(settings: Settings, workspace: Workspace, environment: Mapping[str, str]) -> None:
    with warm_python(_TASK_IMPORTS, environment) as python:  # imports while this process does its own
        from kfp import local

        _configure(local.SubprocessRunner(use_venv=False), workspace, _code(settings))
        with subprocess_tasks(python, environment):
            _graph()(**parameters_of(settings))


def _code(settings: Settings) -> str:
    """Return the key of the local cache: the versions of this project's code and of users' own strategies."""
    strategies = [candidate.strategy for candidate in parse_candidates(settings.candidates)]
    return code_version() + foreign_code(strategies)


def _run_in_containers(settings: Settings, workspace: Workspace, image: Image, environment: Mapping[str, str]) -> None:
    settings = with_absolute_paths(settings)
    runner = docker_runner(settings, workspace, {**environment, IMAGE_VARIABLE: image.id})
    _configure(runner, workspace, image.id)
    with docker_tasks():
        _graph(image=image.reference)(**parameters_of(settings))


def _graph(**deployment: Any) -> Any:
    """Make the pipeline without retries: whoever started a local run sees a failure at once."""
    from pipeline.deployment import Deployment
    from pipeline.graph import pipeline_for

    return pipeline_for(Deployment(candidates_at_once=1, tasks={"retries": 0}, **deployment))


def _configure(runner: Any, workspace: Workspace, code: str) -> None:
    from kfp import local

    cache = str(workspace.cache(code))
    local.init(runner=runner, pipeline_root=str(workspace.artifacts), enable_caching=True, cache_root=cache)


def _make_folders(workspace: Workspace, events: Path) -> None:
    if "python3" in str(workspace.root):
        raise UserError(
            f"workspace {workspace.root}: kfp.local cannot run below a path with 'python3' in it; choose another"
        )
    try:
        for folder in (workspace.root, workspace.artifacts, workspace.trainings, events.parent):
            workspace.make(folder)
        events.touch()
        workspace.hand_over(events)
    except OSError as error:
        raise UserError(f"workspace {workspace.root}: cannot be written ({error.strerror}); choose another") from error


def _quiet() -> dict[str, str]:
    """Return variables that turn off progress bars and telemetry of libraries, which do not belong in a log."""
    return {
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "TQDM_DISABLE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "TRANSFORMERS_VERBOSITY": "error",
    }


@contextlib.contextmanager
def _output_to(log: Path) -> Iterator[None]:
    with (
        log.open("w", encoding="utf-8") as stream,
        contextlib.redirect_stdout(stream),
        contextlib.redirect_stderr(stream),
    ):
        yield


@contextlib.contextmanager
def _noting_cache_hits(display: Display) -> Iterator[None]:
    """Show cache hits, which kfp.local reports only in its log."""

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message = record.getMessage()
            if message.startswith("Task ") and " cache hit " in message:
                display.cached(message.split()[1])

    root, listener, level = logging.getLogger(), Listener(), logging.getLogger().level
    root.addHandler(listener)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(listener)
        root.setLevel(level)


def _failure(history: list[dict[str, Any]], log: Path) -> Exception:
    failed = [event for event in history if event["event"] == "step_failed"]
    answers = [event for event in failed if "message" in event]
    if answers:
        return UserError(f"{answers[0]['step']}: {answers[0]['message']}")
    where = failed[0]["step"] if failed else "a task"
    tail = "".join(log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)[-40:])
    sys.stderr.write(tail)
    return RuntimeError(f"{where} failed; the whole log is {log}")
