"""What `spectral-distill compile` makes of an image and a deployment file, and what it refuses."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from components.image import IMAGE, image_in_use
from pipeline.cli.main import cli
from pipeline.deployment import STEPS
from spectral_distill.core.errors import UserError
from tests.pipeline.compiled import Compiled, read
from tests.support.checkout import ROOT

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
GPU = {
    "accelerator_type": "nvidia.com/gpu",
    "accelerator_count": 2,
    "node_selector": {"pool": "gpu"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
}
Compile = Callable[..., Compiled]


@pytest.fixture
def compile_(tmp_path: Path) -> Compile:
    """The compiled pipeline of a deployment file's content, or of its path, and further arguments."""

    def compiled(deployment: dict[str, Any] | str | Path = "", *arguments: str) -> Compiled:
        output, file = tmp_path / "pipeline.yaml", tmp_path / "deployment.yaml"
        file.write_text(yaml.safe_dump(deployment) if isinstance(deployment, dict) else str(deployment))
        file = deployment if isinstance(deployment, Path) else file
        given = ["compile", "--output", str(output), "--deployment", str(file), *arguments]
        CliRunner().invoke(cli, given, standalone_mode=False, catch_exceptions=False)
        return read(output)

    return compiled


def resources(compiled: Compiled, step: str) -> dict[str, str]:
    return {
        name: value for name, value in compiled.containers[step]["resources"].items() if name.startswith("resource")
    }


def test_without_a_word_about_the_cluster_tasks_ask_for_little_and_for_no_kind_of_node(compile_: Compile):
    compiled = compile_()
    for step in STEPS:
        assert resources(compiled, step) == {"resourceCpuRequest": "1", "resourceMemoryRequest": "4Gi"}
        assert not compiled.pods[step].keys() & {"nodeSelector", "tolerations", "pvcMount", "imagePullSecret"}


@pytest.mark.parametrize(
    "image",
    [
        "spectral-distill:0.1.0",
        "registry.example.com:5000/ml/spectral-distill:0.1.0-cuda",
        f"registry.example.com/spectral-distill@{DIGEST}",
        f"registry.example.com/spectral-distill:latest@{DIGEST}",
    ],
)
def test_every_task_runs_in_the_image_and_the_first_knows_its_name(compile_: Compile, image: str):
    containers = compile_({"image": "other:1"}, "--image", image).containers
    assert {container["image"] for container in containers.values()} == {image}
    assert containers["resolve-data"]["env"] == [{"name": "SPECTRAL_DISTILL_IMAGE", "value": image}]
    assert [name for name, container in containers.items() if "env" in container] == ["resolve-data"]


def test_the_image_may_stand_in_the_file(compile_: Compile):
    assert {one["image"] for one in compile_({"image": "other:1"}).containers.values()} == {"other:1"}


def test_a_task_names_the_image_that_it_was_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SPECTRAL_DISTILL_IMAGE", raising=False)
    assert image_in_use() == IMAGE
    monkeypatch.setenv("SPECTRAL_DISTILL_IMAGE", "other:1")
    assert image_in_use() == "other:1"


def test_a_step_has_its_own_options_over_those_of_all(compile_: Compile):
    compiled = compile_(
        {"tasks": {"cpu_request": 2, "memory_limit": "8Gi"}, "steps": {"train-teacher": {"cpu_request": "500m"}}}
    )
    assert resources(compiled, "prepare-data")["resourceCpuRequest"] == "2"
    assert resources(compiled, "train-teacher") == {
        "resourceCpuRequest": "500m",
        "resourceMemoryRequest": "4Gi",
        "resourceMemoryLimit": "8Gi",
    }


def test_accelerators_and_their_nodes(compile_: Compile):
    compiled = compile_({"steps": {"distill-student": GPU}})
    accelerator = compiled.containers["distill-student"]["resources"]["accelerator"]
    assert (accelerator["resourceType"], accelerator["resourceCount"]) == ("nvidia.com/gpu", "2")
    pod = compiled.pods["distill-student"]
    assert pod["nodeSelector"] == {"labels": {"pool": "gpu"}}
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert "accelerator" not in compiled.containers["evaluate-students"]["resources"]


def test_each_retry_has_the_tasks_whole_time(compile_: Compile):
    compiled = compile_(
        {
            "tasks": {"retries": 3, "retry_wait_seconds": 10, "retry_factor": 4, "timeout_seconds": 7200},
            "steps": {"resolve-data": {"retries": 0}},
        }
    )
    assert compiled.tasks["distill-student"]["retryPolicy"] == {
        "maxRetryCount": 3,
        "backoffDuration": "10s",
        "backoffFactor": 4.0,
        "backoffMaxDuration": "28800s",
    }
    assert compiled.pods["distill-student"]["activeDeadlineSeconds"] == "7200"
    assert "retryPolicy" not in compiled.tasks["resolve-data"]


def test_the_registry(compile_: Compile):
    pod = compile_({"tasks": {"image_pull_secrets": ["one", "two"], "image_pull_policy": "Always"}}).pods["close-run"]
    assert [secret["secretName"] for secret in pod["imagePullSecret"]] == ["one", "two"]
    assert pod["imagePullPolicy"] == "Always"


def test_volumes(compile_: Compile):
    compiled = compile_(
        {
            "tasks": {"scratch_limit": "20Gi", "shared_memory": "2Gi"},
            "steps": {"train-teacher": {"volumes": {"kept": "/kept"}, "trainings_folder": "/kept/trainings"}},
        }
    )
    pod = compiled.pods["train-teacher"]
    assert pod["emptyDirMounts"] == [
        {"volumeName": "scratch", "mountPath": "/tmp", "sizeLimit": "20Gi"},
        {"volumeName": "shared-memory", "mountPath": "/dev/shm", "medium": "Memory", "sizeLimit": "2Gi"},
    ]
    assert [(mount["constant"], mount["mountPath"]) for mount in pod["pvcMount"]] == [("kept", "/kept")]
    checkpoints = {"name": "SPECTRAL_DISTILL_CHECKPOINTS", "value": "/kept/trainings"}
    assert checkpoints in compiled.containers["train-teacher"]["env"]
    assert "env" not in compiled.containers["prepare-data"]


def test_a_cluster_that_chooses_the_user_itself(compile_: Compile):
    pod = compile_({"tasks": {"run_as_user": None, "run_as_group": None}}).pods["prepare-data"]
    assert pod["securityContext"] == {"runAsNonRoot": True}


def test_the_objects_with_the_environment(compile_: Compile):
    names = {"environment_secret": "intents", "environment_config_map": "intents-config"}
    pod = compile_({"tasks": names}).pods["resolve-data"]
    assert [one["secretName"] for one in pod["secretAsVolume"]] == ["intents"]
    assert [one["configMapName"] for one in pod["configMapAsVolume"]] == ["intents-config"]


def test_links_to_the_ui(compile_: Compile):
    env = compile_({"ui": "https://kubeflow.example.com/pipeline"}).containers["resolve-data"]["env"]
    assert {"name": "SPECTRAL_DISTILL_KFP_UI", "value": "https://kubeflow.example.com/pipeline"} in env


def test_single_keys_of_secrets_and_config_maps(compile_: Compile):
    sources = {
        "secrets": {"artifacts": {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}},
        "config_maps": {"mlflow": {"uri": "MLFLOW_TRACKING_URI"}},
    }
    pod = compile_({"tasks": sources}).pods["resolve-data"]
    (secret,), (config_map,) = pod["secretAsEnv"], pod["configMapAsEnv"]
    assert (secret["secretName"], secret["optional"]) == ("artifacts", True)
    assert secret["keyToEnv"] == [
        {"secretKey": "accesskey", "envVar": "AWS_ACCESS_KEY_ID"},
        {"secretKey": "secretkey", "envVar": "AWS_SECRET_ACCESS_KEY"},
    ]
    assert (config_map["configMapName"], config_map["optional"]) == ("mlflow", True)
    assert config_map["keyToEnv"] == [{"configMapKey": "uri", "envVar": "MLFLOW_TRACKING_URI"}]


def test_candidates_at_once(compile_: Compile):
    assert compile_({"candidates_at_once": 4}).tasks["for-loop-3"]["iteratorPolicy"] == {"parallelismLimit": 4}


def test_the_deployment_changes_nothing_that_a_run_chooses(compile_: Compile):
    """Parameters, graph and caching are the same everywhere."""
    here, there = compile_(), compile_(ROOT / "examples" / "deployment.yaml")
    assert here.spec["root"]["inputDefinitions"] == there.spec["root"]["inputDefinitions"]
    for name, task in here.tasks.items():
        placed = {"retryPolicy", "iteratorPolicy"}
        other = there.tasks[name]
        assert {key: task[key] for key in task.keys() - placed} == {key: other[key] for key in other.keys() - placed}


def test_the_example_puts_trainings_on_gpus_and_latency_where_students_are_served(compile_: Compile):
    compiled = compile_(ROOT / "examples" / "deployment.yaml")
    on_gpus = {step for step in STEPS if "accelerator" in compiled.containers[step]["resources"]}
    assert on_gpus == {"train-teacher", "profile-teacher", "capture-signals", "distill-student"}
    assert {step for step in STEPS if "pvcMount" in compiled.pods[step]} == {"train-teacher", "distill-student"}
    measured = resources(compiled, "evaluate-students")
    assert measured["resourceCpuRequest"] == measured["resourceCpuLimit"] == "4"


# id: (the deployment file, what the answer says)
REFUSED: dict[str, tuple[str, str]] = {
    "unknown option": ("task: {}", "unknown setting 'task'; did you mean 'tasks'?"),
    "unknown step": (
        "steps: {train_teacher: {}}",
        "steps: unknown step 'train_teacher'; did you mean 'train-teacher'?",
    ),
    "unknown task option": (
        "steps: {close-run: {cpu_requests: 2}}",
        "steps.close-run: unknown setting 'cpu_requests'; did you mean 'cpu_request'?",
    ),
    "negative memory": (
        "tasks: {memory_request: -4Gi}",
        "tasks: memory_request: found '-4Gi', expected bytes such as 512Mi or 4Gi",
    ),
    "memory in words": ("tasks: {memory_limit: 4 GB}", "tasks: memory_limit: found '4 GB', expected bytes such as"),
    "negative cores": ("tasks: {cpu_limit: -1}", "tasks: cpu_limit: found '-1', expected cores such as 2, 0.5 or 500m"),
    "more than the limit": (
        "tasks: {memory_limit: 512Mi}",
        "tasks: memory_request: found '4Gi', expected at most the memory_limit, '512Mi'",
    ),
    "a step above the limit of all": (
        "{tasks: {cpu_limit: 2}, steps: {train-teacher: {cpu_request: 2500m}}}",
        "steps.train-teacher: cpu_request: found '2500m', expected at most the cpu_limit, '2'",
    ),
    "accelerators of no type": ("tasks: {accelerator_count: 1}", "accelerator_type and accelerator_count: found one"),
    "root": ("tasks: {run_as_user: 0}", "tasks: run_as_user: found 0, expected greater than 0"),
    "endless retries": ("tasks: {retries: 1000}", "tasks: retries: found 1000, expected less than or equal to 10"),
    "half a factor": ("tasks: {retry_factor: 1.5}", "tasks: retry_factor: found 1.5, expected a valid integer"),
    "no time": ("tasks: {timeout_seconds: 0}", "tasks: timeout_seconds: found 0, expected greater than 0"),
    "a label that is no text": (
        "tasks: {node_selector: {gpu: true}}",
        "tasks: node_selector.gpu: found True, expected a valid string",
    ),
    "unknown operator": (
        "tasks: {tolerations: [{key: a, operator: exists}]}",
        "operator: found 'exists', expected 'Equal' or 'Exists'",
    ),
    "toleration of nothing": ("tasks: {tolerations: [{value: a}]}", "toleration without a key: expected a key, or"),
    "toleration with a value too many": (
        "tasks: {tolerations: [{key: a, operator: Exists, value: b}]}",
        "toleration of 'a': Exists takes no value; remove it or use Equal",
    ),
    "bad name of a claim": ("tasks: {volumes: {A_b: /a}}", "found 'A_b', expected the name of a Kubernetes object"),
    "a volume nowhere": ("tasks: {volumes: {a: data}}", "volumes.a: found 'data', expected a folder such as /data"),
    "trainings on no volume": (
        "tasks: {volumes: {a: /a}, trainings_folder: /ab}",
        "tasks: trainings_folder: found '/ab', expected a folder of one of the volumes",
    ),
    "one name for two objects": (
        "tasks: {environment_secret: a, environment_config_map: a}",
        "tasks: environment_secret and environment_config_map: found 'a' for both",
    ),
    "an address that is none": ("ui: kubeflow", "ui: found 'kubeflow', expected text that matches"),
    "bad name of a secret": ("tasks: {secrets: {A_b: {}}}", "found 'A_b', expected the name of a Kubernetes object"),
    "bad variable": ("tasks: {secrets: {a: {k: K-1}}}", "found 'K-1', expected the name of an environment variable"),
    "a variable twice": (
        "tasks: {secrets: {a: {k: K}}, config_maps: {b: {k: K}}}",
        "tasks: K: found in a and in b; keep one of them",
    ),
    "pull policy": ("tasks: {image_pull_policy: always}", "expected 'Always', 'IfNotPresent' or 'Never'"),
    "no candidate": ("candidates_at_once: 0", "candidates_at_once: found 0, expected greater than 0"),
    "a number for options": ("steps: {close-run: 3}", "steps.close-run: found 3, expected names and values"),
    "no mapping": ("[1, 2]", "found list, expected names and values"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "answer"), REFUSED.values(), ids=REFUSED.keys())
def test_a_deployment_that_no_cluster_could_run_is_refused(compile_: Compile, tmp_path: Path, text: str, answer: str):
    with pytest.raises(UserError) as refusal:
        compile_(text)
    assert answer in str(refusal.value)
    assert not os.path.exists(tmp_path / "pipeline.yaml")


@pytest.mark.parametrize(
    ("image", "answer"),
    [
        ("spectral-distill", "names no fixed image; add a tag other than latest, or a digest"),
        ("spectral-distill:latest", "names no fixed image"),
        ("Spectral-Distill:1", "expected registry/name:tag or registry/name@sha256:<64 hex digits>"),
        ("spectral distill:1", "expected registry/name:tag"),
        ("spectral-distill@sha256:abc", "expected registry/name:tag"),
        ("spectral-distill:1\n", "expected registry/name:tag"),
        ("https://registry.example.com/spectral-distill:1", "expected registry/name:tag"),
    ],
)
def test_an_image_that_is_none_or_may_change_is_refused(compile_: Compile, image: str, answer: str):
    with pytest.raises(UserError, match="image: found") as refusal:
        compile_("", "--image", image)
    assert answer in str(refusal.value)


def test_a_missing_deployment_file_is_named(compile_: Compile, tmp_path: Path):
    with pytest.raises(UserError, match=r"nope\.yaml: no such file"):
        compile_(tmp_path / "nope.yaml")
