"""MLflow's model registry: versions of classifiers, and the aliases `champion` and `challenger`.

The registry decides which model is served, so nothing here is held back: an unavailable server is retried until the
timeout (see `waiting`), then raises `UserError`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from spectral_distill.core.errors import UserError
from spectral_distill.tracking.logging import Run
from spectral_distill.tracking.server import ask, client, is_on, server_problem

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
    """Log a classifier to MLflow with signature and input example, and register it.

    Args:
        name: Name of the registered model.
        folder: The classifier, as `save_pretrained` writes it.
        digest: Digest of its files. A version with the same digest is not registered again.
        run: The MLflow run that gets the model.
        metadata: Facts for the model's metadata and the version's tags.
        description: Description of the version, in Markdown.
        example: Texts of the input example.
        requirements: Pip requirements of the model.

    Returns:
        The registered version.

    Raises:
        UserError: The server does not answer.
    """
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
        """Register once: the server may have completed an attempt without answering it."""
        known = _registered_version(name, digest)
        return int(mlflow.register_model(uri, name, tags=tags).version) if known is None else known

    uri = ask(log_model)
    version = ask(register)
    ask(lambda: client().update_model_version(name, str(version), description=description))
    return version


def registered_version(name: str, digest: str) -> int | None:
    """Find the registered version whose files have a digest.

    Args:
        name: Name of the registered model.
        digest: Digest of the files.

    Returns:
        The newest such version, or None.

    Raises:
        UserError: The server does not answer.
    """
    return ask(lambda: _registered_version(name, digest))


def aliases(name: str, version: int) -> str:
    """List the aliases of a registered version.

    Args:
        name: Name of the registered model.
        version: The version.

    Returns:
        The aliases joined by commas, or `no alias`.

    Raises:
        UserError: The server does not answer.
    """
    return ", ".join(ask(lambda: client().get_model_version(name, str(version))).aliases) or "no alias"


def set_alias(name: str, alias: str, version: int) -> None:
    """Point an alias to a version.

    Args:
        name: Name of the registered model.
        alias: The alias.
        version: The version.

    Raises:
        UserError: The server does not answer.
    """
    ask(lambda: client().set_registered_model_alias(name, alias, str(version)))


def aliased_version(name: str, alias: str) -> Any | None:
    """Find the model version of an alias.

    Args:
        name: Name of the registered model.
        alias: The alias.

    Returns:
        MLflow's `ModelVersion`, or None if there is none or tracking is off.

    Raises:
        UserError: The server does not answer.
    """
    if not is_on():
        return None
    return ask(lambda: _or_none(lambda: client().get_model_version_by_alias(name, alias)))


def has_version(name: str, version: int) -> bool:
    """Check whether a registered model has a version.

    Args:
        name: Name of the registered model.
        version: The version.

    Returns:
        Whether the version exists.

    Raises:
        UserError: The server does not answer.
    """
    return ask(lambda: _or_none(lambda: client().get_model_version(name, str(version)))) is not None


def is_model_uri(uri: str) -> bool:
    """Check whether a URI names a model in MLflow.

    Args:
        uri: Any URI.

    Returns:
        Whether it starts with `models:/` or `runs:/`.
    """
    return uri.startswith(("models:/", "runs:/"))


def pin_model_uri(uri: str) -> str:
    """Resolve `models:/name@alias` to the present version.

    Args:
        uri: A model URI.

    Returns:
        `models:/name/version`; URIs without an alias are returned unchanged.

    Raises:
        UserError: Tracking is off, the registry has no such model or alias, or the server does not answer.
    """
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
    """Download a model from MLflow.

    Args:
        uri: A model URI.
        scratch: Local folder for the files.

    Returns:
        The path of the model below `scratch`.

    Raises:
        UserError: MLflow has no such model, or does not answer.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    def download() -> Path:
        try:
            return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(scratch)))
        except (MlflowException, OSError) as error:
            if server_problem(error):
                raise
            raise UserError(
                f"{uri}: MLflow cannot provide the model ({str(error).splitlines()[0]}); check the URI"
            ) from error

    return ask(download)


def _registered_version(name: str, digest: str) -> int | None:
    found = client().search_model_versions(f"name = '{name}' and tags.`{_DIGEST_TAG}` = '{digest}'")
    return max((int(version.version) for version in found), default=None)


def _or_none(look_up: Callable[[], Answer]) -> Answer | None:
    """Return None when the registry has no such model, version or alias."""
    from mlflow.exceptions import MlflowException

    try:
        return look_up()
    except MlflowException as error:
        missing = error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
        if missing and not server_problem(error):
            return None
        raise
