"""The examples in docs/kubernetes: what Kubernetes takes, what the pipeline looks for, and nobody's secrets."""

import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore
import mlflow
import pytest
import yaml
from kubernetes import client

from pipeline.deployment import Deployment
from pipeline.settings import read_settings
from tests.pipeline.compiled import read
from tests.support.checkout import COMMITTED, ROOT

FOLDER = ROOT / "docs" / "kubernetes"
FILES = {
    path.name: list(yaml.safe_load_all(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.yaml"))
}
OBJECTS = {
    f"{name}: {one['kind']} {one['metadata']['name']}": one for name, documents in FILES.items() for one in documents
}
# API version and kind: the model of Kubernetes' own client, and the name that kubectl asks a server for.
KINDS = {
    ("v1", "ConfigMap"): ("V1ConfigMap", "configmaps"),
    ("v1", "PersistentVolumeClaim"): ("V1PersistentVolumeClaim", "persistentvolumeclaims"),
    ("v1", "Secret"): ("V1Secret", "secrets"),
    ("v1", "ServiceAccount"): ("V1ServiceAccount", "serviceaccounts"),
    ("batch/v1", "Job"): ("V1Job", "jobs"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("V1RoleBinding", "rolebindings"),
}


@pytest.mark.parametrize("document", OBJECTS.values(), ids=OBJECTS.keys())
def test_every_field_is_one_that_kubernetes_knows(document: dict[str, Any]):
    """What its client does not know gets lost on the way to its model and back; what it needs, it asks for."""
    model, _ = KINDS[document["apiVersion"], document["kind"]]
    api = client.ApiClient()
    known = api.deserialize(SimpleNamespace(data=json.dumps(document)), model)
    assert api.sanitize_for_serialization(known) == document


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("name", FILES)
def test_kubectl_takes_it(name: str, api_server: str, tmp_path: Path):
    arguments = ["apply", "--dry-run=client", "--validate=false", "--server", api_server, "-f", str(FOLDER / name)]
    answer = subprocess.run(
        ["kubectl", *arguments], env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.count("created (dry run)") == len(FILES[name])


@pytest.fixture(scope="module")
def api_server() -> Iterator[str]:
    """What kubectl asks an empty cluster before a dry run: which kinds there are, and whether the objects exist."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = discovery(self.path.partition("?")[0])
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer or NOT_FOUND).encode())

        def log_message(self, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


NOT_FOUND = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


def discovery(path: str) -> dict[str, Any] | None:
    """Kubernetes' answer at one of its paths of discovery."""
    versions = {version for version, _ in KINDS}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        groups = [
            {"name": version.split("/")[0], "versions": [{"groupVersion": version, "version": "v1"}]}
            for version in sorted(versions - {"v1"})
        ]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    version = path.removeprefix("/apis/").removeprefix("/api/")
    if version not in versions:
        return None
    resources = [
        {"name": plural, "kind": kind, "namespaced": True, "verbs": ["get", "create", "patch"]}
        for (of, kind), (_, plural) in KINDS.items()
        if of == version
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


def variables_in_examples() -> set[str]:
    given = [one for one in OBJECTS.values() if one["kind"] in ("Secret", "ConfigMap")]
    return {key for one in given for key in one.get("stringData") or one.get("data") if not key.startswith(".")}


def sources_of(kind: str, field: str) -> dict[str, set[str]]:
    """The keys of each Secret or ConfigMap in the examples."""
    return {one["metadata"]["name"]: set(one[field]) for one in OBJECTS.values() if one["kind"] == kind}


def test_the_pipeline_as_committed_looks_for_these_objects():
    secrets, config_maps = sources_of("Secret", "stringData"), sources_of("ConfigMap", "data")
    secrets.pop("spectral-distill-registry")
    for pod in read(COMMITTED).pods.values():
        assert {one["secretName"] for one in pod["secretAsVolume"]} == secrets.keys()
        assert {one["configMapName"] for one in pod["configMapAsVolume"]} == config_maps.keys()


def test_the_example_of_a_deployment_names_objects_of_the_examples():
    deployment = Deployment(**read_settings(str(ROOT / "examples" / "deployment.yaml")))
    claims = {one["metadata"]["name"] for one in OBJECTS.values() if one["kind"] == "PersistentVolumeClaim"}
    assert deployment.task("train-teacher").volumes.keys() == claims
    assert set(deployment.task("close-run").image_pull_secrets) <= sources_of("Secret", "stringData").keys()


def test_every_variable_is_one_that_somebody_reads():
    readers = [
        *(ROOT / "components").rglob("*.py"),
        *Path(botocore.__path__[0]).glob("*.py"),
        Path(mlflow.__path__[0]) / "environment_variables.py",
    ]
    code = "\n".join(path.read_text(encoding="utf-8") for path in readers)
    given = variables_in_examples()
    assert given
    assert {variable for variable in given if f'"{variable}"' not in code and f"'{variable}'" not in code} == set()


def test_no_example_holds_a_secret():
    for one in OBJECTS.values():
        if one["kind"] == "Secret":
            assert "data" not in one
            texts = one["stringData"].values()
            assert all("REPLACE-ME" in text for text in texts)
