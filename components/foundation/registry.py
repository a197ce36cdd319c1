"""MLflow's model registry: classifiers with a version each, and the aliases `champion` and `challenger`.

The registry decides what is served, so nothing here is put off: a server that is away is waited for (see `waiting`),
and raises `UserError` in the end.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from components.foundation.errors import UserError
from components.foundation.mlflow_logging import Run
from components.foundation.mlflow_server import ask, client, is_on, server_problem

CHAMPION, CHALLENGER = "champion", "challenger"
_DIGEST_TAG = "spectral_distill.digest"

Answer = TypeVar("Answer")


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
    tags = {_DIGEST_TAG: digest, **{key: str(value)[:4000] for key, value in metadata.items()}}

    def log_model() -> str:
        with mlflow.start_run(run_id=run.run_id):
            info = mlflow.transformers.log_model(
                classifier,
                name="student",
                task="text-classification",
                signature=signature,
                input_example=list(example),
                pip_requirements=list(requirements),
                metadata=dict(metadata),
            )
        return str(info.model_uri)

    def register() -> int:
        """The server may have heard of an attempt that it did not answer."""
        known = _registered_version(name, digest)
        return int(mlflow.register_model(uri, name, tags=tags).version) if known is None else known

    uri = ask(log_model)
    version = ask(register)
    ask(lambda: client().update_model_version(name, str(version), description=description))
    return version


def registered_version(name: str, digest: str) -> int | None:
    """The registered version whose files have this digest, if there is one."""
    return ask(lambda: _registered_version(name, digest))


def aliases(name: str, version: int) -> str:
    """The aliases that a registered version has now, or `no alias`."""
    return ", ".join(ask(lambda: client().get_model_version(name, str(version))).aliases) or "no alias"


def set_alias(name: str, alias: str, version: int) -> None:
    ask(lambda: client().set_registered_model_alias(name, alias, str(version)))


def aliased_version(name: str, alias: str) -> Any | None:
    """The registered model version behind an alias, or None."""
    if not is_on():
        return None
    return ask(lambda: _or_none(lambda: client().get_model_version_by_alias(name, alias)))


def has_version(name: str, version: int) -> bool:
    """Whether a registered model has a version now."""
    return ask(lambda: _or_none(lambda: client().get_model_version(name, str(version)))) is not None


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

    def download() -> Path:
        try:
            return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(scratch)))
        except (MlflowException, OSError) as error:
            if server_problem(error):
                raise
            raise UserError(
                f"{uri}: MLflow cannot hand it over ({str(error).splitlines()[0]}); check the URI"
            ) from error

    return ask(download)


def _registered_version(name: str, digest: str) -> int | None:
    found = client().search_model_versions(f"name = '{name}' and tags.`{_DIGEST_TAG}` = '{digest}'")
    return max((int(version.version) for version in found), default=None)


def _or_none(look_up: Callable[[], Answer]) -> Answer | None:
    """None where the registry does not have it."""
    from mlflow.exceptions import MlflowException

    try:
        return look_up()
    except MlflowException as error:
        missing = error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
        if missing and not server_problem(error):
            return None
        raise
