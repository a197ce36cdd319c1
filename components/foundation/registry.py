"""MLflow's model registry: classifiers with a version each, and the aliases `champion` and `challenger`.

The registry decides what is served, so nothing here is put off: a server that is down raises `UserError`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.foundation.errors import UserError
from components.foundation.mlflow_server import client, is_on, server_errors, server_problem
from components.foundation.tracking import Run

CHAMPION, CHALLENGER = "champion", "challenger"
_DIGEST_TAG = "spectral_distill.digest"


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
    with server_errors(), mlflow.start_run(run_id=run.run_id):
        info = mlflow.transformers.log_model(
            classifier,
            name="student",
            task="text-classification",
            signature=signature,
            input_example=list(example),
            pip_requirements=list(requirements),
            metadata=dict(metadata),
        )
        tags = {_DIGEST_TAG: digest, **{key: str(value)[:4000] for key, value in metadata.items()}}
        found = mlflow.register_model(info.model_uri, name, tags=tags)
        client().update_model_version(name, str(found.version), description=description)
    return int(found.version)


def registered_version(name: str, digest: str) -> int | None:
    """The registered version whose files have this digest, if there is one."""
    with server_errors():
        found = client().search_model_versions(f"name = '{name}' and tags.`{_DIGEST_TAG}` = '{digest}'")
        return max((int(version.version) for version in found), default=None)


def aliases(name: str, version: int) -> str:
    """The aliases that a registered version has now, or `no alias`."""
    with server_errors():
        return ", ".join(client().get_model_version(name, str(version)).aliases) or "no alias"


def set_alias(name: str, alias: str, version: int) -> None:
    with server_errors():
        client().set_registered_model_alias(name, alias, str(version))


def aliased_version(name: str, alias: str) -> Any | None:
    """The registered model version behind an alias, or None."""
    if not is_on():
        return None
    from mlflow.exceptions import MlflowException

    with server_errors():
        try:
            return client().get_model_version_by_alias(name, alias)
        except MlflowException as error:
            missing = error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
            if missing and not server_problem(str(error)):
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

    with server_errors():
        try:
            return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(scratch)))
        except (MlflowException, OSError) as error:
            if server_problem(str(error)):
                raise
            raise UserError(
                f"{uri}: MLflow cannot hand it over ({str(error).splitlines()[0]}); check the URI"
            ) from error
