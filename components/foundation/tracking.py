"""MLflow: one parent run for a pipeline run, a nested run for each task or candidate.

Three situations, told apart by the environment:

- MLFLOW_RUN_ID is set (KFP's MLflow plugin, or a user): that run is the task's own; it is joined.
- MLFLOW_TRACKING_URI is set: the parent is the run tagged `kfp.pipeline_run_id` = KFP_RUN_ID (the first task
  makes it, the oldest wins) in experiment MLFLOW_EXPERIMENT_NAME; each task is a nested run below it.
- Neither: nothing is tracked.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from components.foundation.code_version import code_version
from components.foundation.errors import UserError
from components.foundation.image import image_in_use

DEFAULT_EXPERIMENT = "spectral-distill"
RUN_ID_TAG = "kfp.pipeline_run_id"
ROLE_TAG = "spectral_distill.role"
CANDIDATE_TAG = "spectral_distill.candidate"
DIGEST_TAG = "spectral_distill.digest"
CHAMPION, CHALLENGER = "champion", "challenger"
_PARAMETER_PREFIX = "hp."
_BATCH = 100
_DATASET_DIGEST = 36
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}  # the UI takes it for GenAI otherwise
_SOURCE_TAGS = {"mlflow.source.name": "spectral-distill", "mlflow.source.type": "PROJECT"}


def is_on() -> bool:
    return bool(os.environ.get("MLFLOW_RUN_ID") or os.environ.get("MLFLOW_TRACKING_URI"))


class Run:
    """One MLflow run to log into; every method does nothing where tracking is off."""

    def __init__(self, run_id: str | None):
        self.run_id = run_id

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Settings, under the prefix `hp.` (KFP's plugin uses the bare names). Parameters never change in MLflow:
        those that the run has already are left."""
        if self.run_id is None:
            return
        from mlflow.entities import Param

        known = _client().get_run(self.run_id).data.params
        new = [Param(_PARAMETER_PREFIX + key, str(value)) for key, value in values.items()]
        fresh = [param for param in new if param.key not in known]
        for start in range(0, len(fresh), _BATCH):
            _client().log_batch(self.run_id, params=fresh[start : start + _BATCH])

    def metrics(self, values: Mapping[str, float | None], step: int = 0) -> None:
        """Finite numbers only; None and NaN are left out."""
        if self.run_id is None:
            return
        import time

        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        finite = {key: float(value) for key, value in values.items() if value is not None and value == value}
        metrics = [Metric(key, value, now, step) for key, value in finite.items() if abs(value) != float("inf")]
        if metrics:
            _client().log_batch(self.run_id, metrics=metrics)

    def tags(self, values: Mapping[str, Any]) -> None:
        if self.run_id is not None:
            for key, value in values.items():
                _client().set_tag(self.run_id, key, str(value))

    def file(self, path: str | Path, folder: str | None = None) -> None:
        if self.run_id is not None:
            _client().log_artifact(self.run_id, str(path), folder)

    def description(self, markdown: str) -> None:
        """What MLflow's page shows below the run's name."""
        self.tags({"mlflow.note.content": markdown})

    def dataset(self, source: str, version: str) -> None:
        """Name the data that the run used."""
        if self.run_id is None:
            return
        from mlflow.entities import Dataset, DatasetInput

        digest = version.rpartition(":")[2][:_DATASET_DIGEST]  # MLflow takes no longer ones
        name = source.rstrip("/").rpartition("/")[2]
        dataset = Dataset(name, digest, "local" if "://" not in source else "uri", json.dumps({"uri": source}))
        _client().log_inputs(self.run_id, [DatasetInput(dataset)])


@contextmanager
def task_run(name: str, *, role: str, candidate: str | None = None) -> Iterator[Run]:
    """The nested run of a task. The tasks of one candidate share one run. It ends FINISHED, or FAILED on an error."""
    if not is_on():
        yield Run(None)
        return
    with _server_errors():
        run_id = os.environ.get("MLFLOW_RUN_ID") or _nested_run(name, role, candidate)
        client = _client()
        client.update_run(run_id, status="RUNNING")
    try:
        with _server_errors():
            yield Run(run_id)
    except BaseException:
        with suppress(Exception):  # what went wrong in the task matters more than a store that fails too
            client.set_terminated(run_id, "FAILED")
        raise
    with _server_errors():
        client.set_terminated(run_id, "FINISHED")


def parent_run() -> Run:
    """The run of the whole pipeline run, made where it is missing."""
    if not is_on():
        return Run(None)
    with _server_errors():
        return Run(_parent_id())


def log_origin(sources: Mapping[str, str], versions: Sequence[str]) -> None:
    """Tell the pipeline run where it starts from."""
    run = parent_run()
    with _server_errors():
        run.parameters(sources)
        run.dataset(sources["data"], versions[0])
        run.tags(
            {
                "spectral_distill.data_version": versions[0][:4000],
                "spectral_distill.teacher_version": versions[-1][:4000],
                "spectral_distill.code_version": code_version(),
                "spectral_distill.image": image_in_use(),
            }
        )


def close_parent(status: str) -> None:
    """End the parent with MLflow's `FINISHED` or `FAILED`."""
    run = parent_run()
    if run.run_id is not None:
        _client().set_terminated(run.run_id, status)


def student_runs(pipeline_run: str | None = None) -> list[Any]:
    """Candidates' runs, best accuracy first: of the named pipeline run, otherwise of the latest that has any."""
    with _server_errors():
        experiment = _client().get_experiment_by_name(_experiment_name())
        if experiment is None:
            return []
        runs = _client().search_runs(
            [experiment.experiment_id],
            f"tags.`{ROLE_TAG}` = 'candidate'",
            max_results=1000,
            order_by=["attributes.start_time DESC"],
        )
        runs = [run for run in runs if "test.accuracy" in run.data.metrics]
        wanted = pipeline_run or (runs[0].data.tags.get(RUN_ID_TAG) if runs else None)
        mine = [run for run in runs if run.data.tags.get(RUN_ID_TAG) == wanted]
        return sorted(mine, key=lambda run: -run.data.metrics["test.accuracy"])


def register_model(
    *,
    name: str,
    folder: Path,
    digest: str,
    run: Run,
    metadata: Mapping[str, Any],
    description: str,
    example: Sequence[str],
    requirements: Sequence[str],
) -> int:
    """Log the classifier in `folder` with signature and example, and register it: the new version."""
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from transformers import pipeline

    classifier = pipeline("text-classification", model=str(folder), device="cpu")
    signature = ModelSignature(
        inputs=Schema([ColSpec(DataType.string)]),
        outputs=Schema([ColSpec(DataType.string, "label"), ColSpec(DataType.double, "score")]),
    )
    with _server_errors(), mlflow.start_run(run_id=run.run_id):
        info = mlflow.transformers.log_model(
            classifier,
            name="student",
            task="text-classification",
            signature=signature,
            input_example=list(example),
            pip_requirements=list(requirements),
            metadata=dict(metadata),
        )
        tags = {DIGEST_TAG: digest, **{key: str(value)[:4000] for key, value in metadata.items()}}
        found = mlflow.register_model(info.model_uri, name, tags=tags)
        _client().update_model_version(name, str(found.version), description=description)
    return int(found.version)


def registered_version(name: str, digest: str) -> int | None:
    """The registered version whose files have this digest, if there is one."""
    with _server_errors():
        found = _client().search_model_versions(f"name = '{name}' and tags.`{DIGEST_TAG}` = '{digest}'")
        return max((int(version.version) for version in found), default=None)


def aliases(name: str, version: int) -> str:
    """The aliases that a registered version has now, or `no alias`."""
    with _server_errors():
        return ", ".join(_client().get_model_version(name, str(version)).aliases) or "no alias"


def set_alias(name: str, alias: str, version: int) -> None:
    with _server_errors():
        _client().set_registered_model_alias(name, alias, str(version))


def aliased_version(name: str, alias: str) -> Any | None:
    """The registered model version behind an alias, or None."""
    if not is_on():
        return None
    from mlflow.exceptions import MlflowException

    with _server_errors():
        try:
            return _client().get_model_version_by_alias(name, alias)
        except MlflowException as error:
            missing = error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
            if missing and not _server_problem(str(error)):
                return None
            raise


def is_model_uri(uri: str) -> bool:
    return uri.startswith(("models:/", "runs:/"))


def pin_model_uri(uri: str) -> str:
    """`models:/name@alias` as the version that it names now; other model URIs are fixed already."""
    if not is_on():
        raise UserError(f"{uri}: MLFLOW_TRACKING_URI is not set; name the server that holds the model")
    name, _, alias = uri.removeprefix("models:/").partition("@")
    if not uri.startswith("models:/") or not alias:
        return uri
    version = aliased_version(name, alias)
    if version is None:
        raise UserError(f"{uri}: the registry has no such model or alias; check the name and MLFLOW_TRACKING_URI")
    return f"models:/{name}/{version.version}"


def download_model(uri: str, scratch: Path) -> Path:
    """The files of a model in MLflow, below `scratch`."""
    import mlflow
    from mlflow.exceptions import MlflowException

    with _server_errors():
        try:
            return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(scratch)))
        except (MlflowException, OSError) as error:
            if _server_problem(str(error)):
                raise
            raise UserError(
                f"{uri}: MLflow cannot hand it over ({str(error).splitlines()[0]}); check the URI"
            ) from error


@contextmanager
def _server_errors() -> Iterator[None]:
    import requests
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise UserError(f"MLflow at {_uri()}: not reachable; start it or change MLFLOW_TRACKING_URI") from error
    except MlflowException as error:
        problem = _server_problem(str(error))
        if problem is None:
            raise
        raise UserError(f"MLflow at {_uri()}: {problem}") from error


def _server_problem(message: str) -> str | None:
    """What is wrong with the server itself, if that is what MLflow's message tells."""
    if "Max retries" in message:
        return "not reachable; start it or change MLFLOW_TRACKING_URI"
    if "unsupported URI" in message:
        expected = "http(s)://host or sqlite:///file"
        return f"no address of a server or database; expected {expected}; change MLFLOW_TRACKING_URI"
    if "API request to" in message:
        return f"{message.splitlines()[0][:200]}; check MLFLOW_TRACKING_URI"
    return None


def _uri() -> str:
    """The tracking URI without credentials, fit for a message."""
    scheme, separator, rest = os.environ.get("MLFLOW_TRACKING_URI", "").partition("://")
    host, slash, path = rest.partition("/")
    return scheme + separator + host.rpartition("@")[2] + slash + path


@cache
def _client() -> Any:
    os.environ.setdefault("MLFLOW_ENABLE_ASYNC_LOGGING", "false")
    from mlflow import MlflowClient
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return MlflowClient()  # opens the store
    except (OSError, SQLAlchemyError) as error:
        reason = " ".join(str(error).splitlines()[0].split())
        raise UserError(
            f"MLflow at {_uri()}: cannot be opened ({reason}); choose a database in a folder that can be written, "
            "change MLFLOW_TRACKING_URI"
        ) from error


def _experiment_name() -> str:
    return os.environ.get("MLFLOW_EXPERIMENT_NAME", DEFAULT_EXPERIMENT)


@cache
def _experiment_id() -> str:
    from mlflow.exceptions import MlflowException

    if os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return os.environ["MLFLOW_EXPERIMENT_ID"]
    found = _client().get_experiment_by_name(_experiment_name())
    if found is not None:
        return str(found.experiment_id)
    try:
        made = _client().create_experiment(_experiment_name(), _local_artifacts(), tags=_EXPERIMENT_TAGS)
        return str(made)
    except MlflowException:  # another task made it in the meantime
        return str(_client().get_experiment_by_name(_experiment_name()).experiment_id)


def _local_artifacts() -> str | None:
    """Beside a SQLite store; a server knows its own place."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    return (
        (Path(uri.removeprefix("sqlite:///")).resolve().parent / "mlartifacts").as_uri()
        if uri.startswith("sqlite:")
        else None
    )


def _pipeline_run() -> str:
    return os.environ.get("KFP_RUN_ID", "local")


def _find(condition: str) -> str | None:
    runs = _client().search_runs(
        [_experiment_id()],
        f"tags.`{RUN_ID_TAG}` = '{_pipeline_run()}' and {condition}",
        order_by=["attributes.start_time ASC"],
        max_results=1,
    )
    return runs[0].info.run_id if runs else None


def _make(name: str, tags: Mapping[str, str]) -> str:
    run = _client().create_run(
        _experiment_id(), run_name=name, tags={RUN_ID_TAG: _pipeline_run(), **_SOURCE_TAGS, **tags}
    )
    return str(run.info.run_id)


@cache
def _parent_id() -> str:
    is_parent = f"tags.`{ROLE_TAG}` = 'pipeline'"
    if _find(is_parent) is None:
        _make(f"pipeline {_pipeline_run()}", {ROLE_TAG: "pipeline"})
    return str(_find(is_parent))


def _nested_run(name: str, role: str, candidate: str | None) -> str:
    parent = _parent_id()
    tags = {ROLE_TAG: role, "mlflow.parentRunId": parent}
    if candidate is not None:
        tags[CANDIDATE_TAG] = candidate
        found = _find(f"tags.`{CANDIDATE_TAG}` = '{candidate}'")
        if found is not None:
            return found
    return _make(name, tags)
