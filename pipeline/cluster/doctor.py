"""Check an installation before the first run: one finding for each thing that a run depends on."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.cluster import kubectl
from pipeline.cluster.access import Access
from pipeline.cluster.connection import Connection, check_options, named, pages
from pipeline.cluster.needs import Needs, ObjectNeed, read_needs
from pipeline.cluster.pipelines import Package
from spectral_distill.core.errors import UserError

Status = Literal["ok", "FAIL", "skip"]
OLDEST_KFP = (2, 14)  # the first version whose backend collects artifacts from a loop
_SINGLE_USER_NAMESPACE = "kubeflow"
_RECENT_RUNS = 20
_PLUGIN_VARIABLES = frozenset({"MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"})
_TIMEOUT_S = 10


@dataclass(frozen=True)
class Finding:
    """One line of the report. The detail of a failure says what was found, what was expected and what to do."""

    status: Status
    what: str
    detail: str


def examine(access: Access, package: Package, *, experiment: str, plugin: bool | None) -> Iterator[Finding]:
    """Check what runs of a compiled pipeline need, as far as this machine can see it.

    Args:
        access: Address and login of the KFP server.
        package: The compiled pipeline.
        experiment: KFP experiment of the runs.
        plugin: Whether the administrator enabled KFP's MLflow plugin; None if unknown.

    Yields:
        Findings, in the order in which a run depends on them.

    Raises:
        UserError: An option is invalid.
    """
    check_options(access)
    needs = read_needs(package.path)
    yield from (_image(reference) for reference in needs.images)
    namespace = access.namespace or _SINGLE_USER_NAMESPACE
    try:
        connection = access.connect()
        yield _server(connection)
        yield from _of_server(connection, package, experiment)
        plugin = _seen_plugin(connection) if plugin is None else plugin
    except UserError as error:
        yield Finding("FAIL", "API", str(error))
        yield Finding("skip", "experiment and pipeline", "the API did not answer")
    yield from _objects(needs, namespace)
    yield _s3()
    yield _mlflow()
    yield _plugin(plugin, needs)


def _image(reference: str) -> Finding:
    name, _, digest = reference.partition("@")
    registry, _, _ = name.rpartition("/")[0].partition("/")
    tag = name.rpartition("/")[2].partition(":")[2]
    if not digest and tag in ("", "latest"):
        advice = "compile with --image NAME@sha256:DIGEST"
        return Finding("FAIL", "image", f"found {reference}, expected a fixed tag or a digest; {advice}")
    pinned = "pinned by digest" if digest else "pinned by tag (KFP's cache does not see another image under it)"
    where = "only a run shows whether nodes may pull it"
    if not any(sign in registry for sign in ".:"):
        where = "no registry in its name: nodes hold it (`kind load docker-image`), or look for it on Docker Hub"
    return Finding("ok", "image", f"{reference}, {pinned}; {where}")


def _server(connection: Connection) -> Finding:
    health = _health(connection)
    version = str(health.get("apiServerTagName") or health.get("tag_name") or "unknown")
    users = "several users" if health.get("multi_user") else "one user"
    if health.get("apiServerReady") is False:
        return Finding("FAIL", "API", "found the UI without its API server; look at the pods of ml-pipeline")
    found = re.match(r"v?(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) < OLDEST_KFP:
        oldest = ".".join(map(str, OLDEST_KFP))
        return Finding("FAIL", "API", f"found Kubeflow Pipelines {version}, expected {oldest} or newer; upgrade it")
    return Finding("ok", "API", f"Kubeflow Pipelines, version {version}, for {users}")


def _health(connection: Connection) -> dict[str, Any]:
    """Read the health route. KFP's client keeps only a part of it; the UI's server adds fields."""
    return dict(json.loads(connection.read("/apis/v2beta1/healthz").text))


def _of_server(connection: Connection, package: Package, experiment: str) -> Iterator[Finding]:
    client, namespace = connection.client, connection.namespace
    if _health(connection).get("multi_user") and not namespace:
        yield Finding(
            "FAIL", "namespace", "found none, expected your profile's on a server for several users; give --namespace"
        )
        return
    yield Finding("ok", "namespace", namespace or "the server's own")
    found = pages(client.list_experiments, "experiments", namespace=namespace, filter=named("display_name", experiment))
    yield Finding("ok", "experiment", f"{experiment}, {'exists' if found else 'missing; the first run creates it'}")
    known = pages(client.list_pipelines, "pipelines", namespace=namespace, filter=named("display_name", package.name))
    held = known and pages(
        client.list_pipeline_versions,
        "pipeline_versions",
        pipeline_id=known[0].pipeline_id,
        filter=named("display_name", package.version),
    )
    where = "on the server" if held else "not on the server yet; `submit` uploads it"
    yield Finding("ok", "pipeline", f"{package.name} {package.version}, {where}")


def _objects(needs: Needs, namespace: str) -> Iterator[Finding]:
    unseen = kubectl.reach(namespace)
    if unseen is not None:
        yield Finding("skip", "Kubernetes objects", f"{unseen}, so it is not known which of those below exist")
    for need in needs.objects:
        what = f"{need.kind} {need.name}"
        yield _object(what, need, namespace) if unseen is None else Finding("skip", what, _wanted(need))


def _wanted(need: ObjectNeed) -> str:
    keys = f"keys {', '.join(need.keys)}; " if need.keys else ""
    return f"{keys}{'optional' if need.optional else 'required'}"


def _object(what: str, need: ObjectNeed, namespace: str) -> Finding:
    try:
        found = kubectl.keys_of(need.kind, need.name, namespace)
    except PermissionError as error:
        return Finding("skip", what, f"{_wanted(need)}; kubectl may not look ({error})")
    if found is None and need.optional:
        return Finding("ok", what, f"not in namespace {namespace}; steps run without {', '.join(need.keys) or 'it'}")
    if found is None:
        return Finding("FAIL", what, f"found none in namespace {namespace}; create it, or compile without it")
    wanted = set(need.keys) or found
    present, missing = sorted(found & wanted), sorted(wanted - found)
    if need.keys and not present:
        said = ", ".join(sorted(found)) or "nothing"
        return Finding("FAIL", what, f"found {said}, expected keys among {', '.join(need.keys)}; rename its keys")
    if missing and not need.optional:
        return Finding("FAIL", what, f"found no {', '.join(missing)}, expected every key; add them")
    absent = f"; without {', '.join(missing)}" if missing else ""
    return Finding("ok", what, ", ".join(["in place", *present]) + absent)


def _s3() -> Finding:
    from spectral_distill.storage.s3 import NoCredentials, check_server

    try:
        return Finding("ok", "S3", check_server(_TIMEOUT_S))
    except NoCredentials as error:
        return Finding("skip", "S3", str(error))
    except UserError as error:
        return Finding("FAIL", "S3", str(error))


def _mlflow() -> Finding:
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri.startswith(("http:", "https:")):
        return Finding("skip", "MLflow", "MLFLOW_TRACKING_URI names no server on this machine")
    from spectral_distill.tracking.server import address, client, server_errors

    try:
        with server_errors():
            client().search_experiments(max_results=1)
    except UserError as error:
        return Finding("FAIL", "MLflow", str(error))
    return Finding("ok", "MLflow", f"{address()} answers, asked from this machine")


def _seen_plugin(connection: Connection) -> bool | None:
    """Find out whether the plugin is on: the API shows it only in runs that used it."""
    question = {"sort_by": "created_at desc", "namespace": connection.namespace}
    runs = pages(connection.client.list_runs, "runs", _RECENT_RUNS, **question)
    return True if any("mlflow" in (run.plugins_output or {}) for run in runs) else None


def _plugin(plugin: bool | None, needs: Needs) -> Finding:
    clash = ", ".join(sorted(_PLUGIN_VARIABLES & needs.variables))
    assumed = (
        f"the file sets {clash}, for an MLflow server of your own" if clash else "the file sets nothing of MLflow's"
    )
    if plugin is None:
        return Finding("skip", "MLflow plugin", f"the API shows it in runs only, and no recent run has it; {assumed}")
    if plugin and clash:
        found = f"found it on, and {clash} in the file: with injectUserEnvVars every pod is invalid"
        return Finding(
            "FAIL", "MLflow plugin", f"{found}; take it out of the deployment file's config_maps and secrets"
        )
    return Finding("ok", "MLflow plugin", f"{'on' if plugin else 'off'}; {assumed}")
