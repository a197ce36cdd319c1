"""`spectral-distill doctor`: what it sees of an installation, and what it calls a failure."""

import json
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
import yaml

from tests.pipeline.cluster.command_line import TOKEN, Answer, Command
from tests.pipeline.cluster.kfp_server import API, Kfp, Request
from tests.support.servers import free_port, s3_environment, s3_server

DIGEST = "registry.example.com/ml/spectral-distill@sha256:" + "a" * 64
SECRET = "a-value-that-nobody-may-see"
Check = Callable[..., Answer]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without kubectl, without S3 and MLflow; returns the only folder of its PATH."""
    for name in (
        "MLFLOW_TRACKING_URI",
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in s3_environment("").items():
        if "FILE" in name or "METADATA" in name:
            monkeypatch.setenv(name, value)
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr("shutil.which", lambda name: str(programs / name) if (programs / name).exists() else None)
    return programs


@pytest.fixture
def check(server: Kfp, command: Command, tmp_path: Path) -> Check:
    """Run the doctor over a pipeline with this image, whose only task is placed like this."""

    def run(*options: str, image: str = DIGEST, **executor: object) -> Answer:
        file = tmp_path / "compiled.yaml"
        spec = {"executors": {"exec-a": {"container": {"image": image}}}}
        documents = [{"pipelineInfo": {"name": "spectral-distill"}, "root": {}, "deploymentSpec": spec}]
        documents.append({"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-a": executor}}}}})
        file.write_text(yaml.safe_dump_all(documents))
        return command("doctor", "--pipeline", str(file), *options)

    return run


def health(**said: object) -> Callable[[Request], tuple[int, str, str] | None]:
    return lambda request: (200, "application/json", json.dumps(said)) if request.path == f"{API}/healthz" else None


def line(answer: Answer, what: str) -> str:
    (found,) = [one for one in answer.out.splitlines() if one[6:].startswith(f"{what}: ")]
    return found


def test_an_installation_that_is_well_passes_and_nothing_is_changed_on_it(server: Kfp, check: Check):
    server.answer = health(multi_user=False, tag_name="2.17.0")
    answer = check()
    assert (answer.code, answer.err) == (0, "")
    assert (
        line(answer, "image") == f"ok    image: {DIGEST}, pinned by digest; only a run shows whether nodes may pull it"
    )
    assert line(answer, "API") == "ok    API: Kubeflow Pipelines, version 2.17.0, for one user"
    assert line(answer, "experiment").startswith("ok    experiment: spectral-distill, missing")
    assert line(answer, "pipeline").endswith("not on the server yet; `submit` uploads it")
    assert {request.method for request in server.requests} == {"GET"}
    assert all(one[:6] in ("ok    ", "skip  ") for one in answer.out.splitlines())


def test_what_the_server_has_already_is_told(server: Kfp, check: Check, command: Command):
    server.experiments = [
        {"experiment_id": "experiment-1", "display_name": "mine", "created_at": "2026-01-31T03:00:00Z"}
    ]
    assert line(check("--experiment", "mine"), "experiment") == "ok    experiment: mine, exists"


@pytest.mark.parametrize(
    ("said", "what", "expected"),
    [
        ({"tag_name": "2.5.0"}, "API", "found Kubeflow Pipelines 2.5.0, expected 2.14 or newer"),
        ({"apiServerReady": False}, "API", "found the UI without its API server"),
        ({"multi_user": True}, "namespace", "found none, expected your profile's"),
    ],
)
def test_a_server_that_cannot_run_the_pipeline_fails(
    server: Kfp, check: Check, said: dict[str, object], what: str, expected: str
):
    server.answer = health(**said)
    answer = check()
    assert answer.code == 1
    assert line(answer, what).startswith(f"FAIL  {what}: {expected}")


def test_through_the_ui_the_version_is_the_api_servers(server: Kfp, check: Check):
    server.answer = health(multi_user=False, apiServerReady=True, apiServerTagName="2.17.0")
    assert "version 2.17.0" in line(check(), "API")


def test_a_server_that_does_not_answer_is_a_failure_and_the_rest_is_still_looked_at(check: Check):
    answer = check("--endpoint", f"http://127.0.0.1:{free_port()}")
    assert answer.code == 1
    assert line(answer, "API").startswith("FAIL  API: KFP server http://127.0.0.1:")
    assert line(answer, "experiment and pipeline") == "skip  experiment and pipeline: the API did not answer"
    assert line(answer, "image").startswith("ok")


@pytest.mark.parametrize("image", ["registry.example.com/ml/distill:latest", "registry.example.com/ml/distill"])
def test_an_image_that_may_change_fails(check: Check, image: str):
    answer = check(image=image)
    assert answer.code == 1
    assert line(answer, "image").startswith(f"FAIL  image: found {image}, expected a fixed tag or a digest")


def test_an_image_without_a_registry_must_be_on_the_nodes(check: Check):
    assert "kind load" in line(check(image="spectral-distill-python:0.1.0"), "image")


ENVIRONMENT = {
    "secretAsEnv": [
        {
            "secretName": "mine",
            "keyToEnv": [{"secretKey": key, "envVar": key} for key in ("AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN")],
            "optional": True,
        }
    ],
    "configMapAsVolume": [{"configMapName": "settings", "mountPath": "/etc/x", "optional": True}],
    "imagePullSecret": [{"secretName": "registry"}],
    "pvcMount": [{"constant": "corpus", "mountPath": "/data"}],
}


def test_without_kubectl_the_objects_that_tasks_refer_to_are_listed(check: Check):
    answer = check(**ENVIRONMENT)
    assert answer.code == 0
    assert line(answer, "Kubernetes objects").startswith("skip  Kubernetes objects: kubectl is not installed here")
    assert line(answer, "Secret mine") == "skip  Secret mine: keys AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN; optional"
    assert line(answer, "ConfigMap settings") == "skip  ConfigMap settings: optional"
    assert line(answer, "Secret registry") == "skip  Secret registry: required"
    assert line(answer, "PersistentVolumeClaim corpus") == "skip  PersistentVolumeClaim corpus: required"


@pytest.fixture
def kubectl(bare: Path) -> Callable[[dict[str, dict[str, str]]], None]:
    """Have a kubectl that knows these objects: `kind/name` and their entries. It answers to what asks for keys only."""

    def install(objects: dict[str, dict[str, str]]) -> None:
        known = {name: "".join(f"{key}\n" for key in entries) for name, entries in objects.items()}
        script = bare / "kubectl"
        script.write_text(
            "#!/usr/bin/env python3\nimport sys\n"
            f"known = {known!r}\n"
            "kind, name = sys.argv[2:4]\n"
            "if kind == 'namespace': sys.exit(0)\n"
            "if f'{kind}/{name}' not in known: sys.exit(f'Error from server (NotFound): {kind} {name} not found')\n"
            f"print(known[f'{{kind}}/{{name}}'] if any('$key' in word for word in sys.argv) else {SECRET!r})\n"
        )
        script.chmod(0o755)

    return install


def test_with_kubectl_missing_objects_that_tasks_need_are_failures(check: Check, kubectl: Callable[..., None]):
    kubectl({"secret/mine": {"AWS_ACCESS_KEY_ID": SECRET}, "secret/registry": {".dockerconfigjson": SECRET}})
    answer = check(**ENVIRONMENT)
    assert answer.code == 1
    assert line(answer, "Secret mine") == "ok    Secret mine: in place, AWS_ACCESS_KEY_ID; without AWS_SESSION_TOKEN"
    assert line(answer, "Secret registry") == "ok    Secret registry: in place, .dockerconfigjson"
    assert line(answer, "ConfigMap settings").startswith(
        "ok    ConfigMap settings: not in namespace kubeflow; steps run"
    )
    assert line(answer, "PersistentVolumeClaim corpus").startswith(
        "FAIL  PersistentVolumeClaim corpus: found none in namespace kubeflow; create it"
    )
    assert SECRET not in answer.out + answer.err


def test_a_secret_with_other_keys_is_a_failure(check: Check, kubectl: Callable[..., None]):
    kubectl({"secret/mine": {"access_key": SECRET}, "secret/registry": {}, "persistentvolumeclaim/corpus": {}})
    answer = check(**ENVIRONMENT)
    assert answer.code == 1
    assert "FAIL  Secret mine: found access_key, expected keys among AWS_ACCESS_KEY_ID" in answer.out


def test_s3_that_answers_and_s3_that_does_not(check: Check, monkeypatch: pytest.MonkeyPatch):
    assert line(check(), "S3").startswith("skip  S3: no credentials on this machine")
    with s3_server() as url:
        for name, value in s3_environment(url).items():
            monkeypatch.setenv(name, value)
        before = boto3.client("s3").list_buckets()["Buckets"]  # moto's servers of one process share them
        assert line(check(), "S3").startswith(f"ok    S3: {url} answers")
        assert boto3.client("s3").list_buckets()["Buckets"] == before
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://someone:{SECRET}@127.0.0.1:{free_port()}")
    answer = check()
    assert answer.code == 1
    assert line(answer, "S3").startswith("FAIL  S3: found no answer at http://127.0.0.1:")
    assert SECRET not in answer.out + answer.err


def test_mlflow_that_answers_and_mlflow_that_does_not(server: Kfp, check: Check, monkeypatch: pytest.MonkeyPatch):
    import os

    assert line(check(), "MLflow").startswith("skip  MLflow: ")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", os.environ["KF_PIPELINES_ENDPOINT"])
    mlflow = "/api/2.0/mlflow/"
    server.answer = lambda request: (200, "application/json", "{}") if request.path.startswith(mlflow) else None
    assert line(check(), "MLflow").startswith("ok    MLflow: http://127.0.0.1:")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    answer = check()
    assert answer.code == 1
    assert line(answer, "MLflow").startswith("FAIL  MLflow: ")


TRACKING = {
    "configMapAsEnv": [
        {
            "configMapName": "mlflow",
            "keyToEnv": [{"configMapKey": "uri", "envVar": "MLFLOW_TRACKING_URI"}],
            "optional": True,
        }
    ]
}


def test_the_plugin_is_seen_in_earlier_runs_and_clashes_with_a_server_of_ones_own(server: Kfp, check: Check):
    server.runs = [
        {"run_id": "run-1", "experiment_id": "experiment-1", "state": "SUCCEEDED", "created_at": "2026-01-31T03:00:00Z",
         "plugins_output": {"mlflow": {"state": "PLUGIN_SUCCEEDED"}}}
    ]  # fmt: skip
    assert line(check(), "MLflow plugin") == "ok    MLflow plugin: on; the file sets nothing of MLflow's"
    answer = check(**TRACKING)
    assert answer.code == 1
    assert line(answer, "MLflow plugin").startswith(
        "FAIL  MLflow plugin: found it on, and MLFLOW_TRACKING_URI in the file"
    )
    assert line(check("--no-plugin", **TRACKING), "MLflow plugin").startswith("ok    MLflow plugin: off")


def test_before_the_first_run_the_plugin_is_what_the_user_says(check: Check):
    assert line(check(**TRACKING), "MLflow plugin").startswith("skip  MLflow plugin: the API shows it in runs only")
    assert check("--plugin", **TRACKING).code == 1
    assert check("--plugin").code == 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--endpoint", "localhost"), "--endpoint: found 'localhost'"),
        (("--pipeline", "missing.yaml"), "--pipeline missing.yaml: cannot be read"),
        (("--token-file", "missing"), "--token-file missing: no such file"),
    ],
)
def test_bad_usage_is_one_line(check: Check, options: tuple[str, str], expected: str):
    answer = check(*options)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"error: {expected}")


def test_no_message_shows_the_login(server: Kfp, check: Check):
    server.answer = lambda request: (403, "application/json", json.dumps({"message": "no"}))
    answer = check("--namespace", "team-a")
    assert answer.code == 1
    assert "found 403 (no)" in line(answer, "API")
    assert TOKEN not in answer.out + answer.err
