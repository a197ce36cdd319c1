"""The committed pipeline.yaml against what a KFP backend takes, and what nobody wants to find in it."""

import re

import pytest
from compiled import COMMITTED, read
from google.protobuf import json_format
from kfp import components
from kfp.kubernetes.kubernetes_executor_config_pb2 import KubernetesExecutorConfig
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineDeploymentConfig, PipelineSpec, PlatformSpec

from components.foundation.image import IMAGE
from components.foundation.settings import Settings
from pipeline.deployment import STEPS

# What a task of the graph may carry; a condition, a loop over artifacts or an importer would be something else.
TASK_FIELDS = {
    "cachingOptions", "componentRef", "dependentTasks", "inputs", "iteratorPolicy", "parameterIterator",
    "retryPolicy", "taskInfo", "triggerPolicy",
}  # fmt: skip
INPUT_KINDS = {
    "componentInputParameter", "componentInputArtifact", "taskOutputParameter", "taskOutputArtifact",
    "taskFinalStatus", "runtimeValue",
}  # fmt: skip
LOOP = "for-loop-2"
SECRET_NAMES = re.compile(r"(password|secret|credential|token|api_?key|access_?key)$", re.IGNORECASE)
SECRET_VALUES = {
    "an AWS key id": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "credentials in a URL": r"://[^\s/:@]+:[^\s/@]+@",
    "a hub token": r"\bhf_[A-Za-z0-9]{20,}",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{20,}",
    "a JSON web token": r"\beyJ[\w-]{10,}\.[\w-]{10,}\.",
}
INSTALLERS = re.compile(r"\b(pip3?|conda|apt|apt-get|uv|curl|wget)\s+(install|download|-|http)")


@pytest.fixture(scope="module")
def compiled():
    return read(COMMITTED)


def test_kfp_loads_it():
    assert components.load_component_from_file(str(COMMITTED)).name == "spectral-distill"


def test_every_field_is_one_that_the_specification_knows(compiled):
    json_format.ParseDict(compiled.spec, PipelineSpec())  # refuses unknown fields
    json_format.ParseDict(compiled.spec["deploymentSpec"], PipelineDeploymentConfig())
    json_format.ParseDict(compiled.platform, PlatformSpec())
    for pod in compiled.pods.values():
        json_format.ParseDict(pod, KubernetesExecutorConfig())


def test_every_step_of_the_graph_is_a_step_that_a_deployment_can_name(compiled):
    assert compiled.containers.keys() == compiled.pods.keys() == set(STEPS)


def test_the_description_that_the_ui_shows_names_every_parameter(compiled):
    description = compiled.spec["pipelineInfo"]["description"]
    for name, field in Settings.model_fields.items():
        assert f"| `{name}` |" in description
        assert field.description in description


def test_no_parameter_is_a_secret(compiled):
    parameters = {name for part in (compiled.spec["root"], *compiled.spec["components"].values())
                  for name in part.get("inputDefinitions", {}).get("parameters", {})}  # fmt: skip
    assert not [name for name in parameters if SECRET_NAMES.search(name)]


@pytest.mark.parametrize("pattern", SECRET_VALUES.values(), ids=SECRET_VALUES.keys())
def test_nothing_in_it_looks_like_a_secret(pattern):
    assert not re.findall(pattern, COMMITTED.read_text(encoding="utf-8"))


def test_secrets_come_by_reference_and_all_that_stands_in_the_environment_is_the_image(compiled):
    assert all(container["env"] == [{"name": "SPECTRAL_DISTILL_IMAGE", "value": IMAGE}]
               for container in compiled.containers.values())  # fmt: skip
    for pod in compiled.pods.values():
        assert {source["secretName"] for source in pod["secretAsEnv"]} == {
            "spectral-distill-s3",
            "spectral-distill-mlflow",
        }


def test_every_image_is_pinned(compiled):
    assert {container["image"] for container in compiled.containers.values()} == {IMAGE}
    assert re.search(r":(?!latest$)[\w.-]+$|@sha256:[0-9a-f]{64}$", IMAGE)


def test_nothing_is_installed_at_run_time(compiled):
    for container in compiled.containers.values():
        assert not INSTALLERS.search(" ".join([*container["command"], *container["args"]]))


def test_control_flow_is_of_the_kinds_that_the_backend_runs(compiled):
    for task in compiled.tasks.values():
        assert task.keys() <= TASK_FIELDS
        inputs = task.get("inputs", {})
        bindings = [*inputs.get("parameters", {}).values(), *inputs.get("artifacts", {}).values()]
        assert {kind for binding in bindings for kind in binding} <= INPUT_KINDS
    assert all(executor.keys() == {"container"} for executor in compiled.spec["deploymentSpec"]["executors"].values())


def test_one_loop_and_one_exit_handler(compiled):
    loops = {name for name, task in compiled.tasks.items() if "parameterIterator" in task}
    exits = {name: task["triggerPolicy"] for name, task in compiled.tasks.items() if "triggerPolicy" in task}
    assert loops == {LOOP}
    assert exits == {"close-run": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}}


def test_what_leaves_the_loop_is_lists_of_artifacts_and_is_taken_as_such(compiled):
    takers = {("compare-students", "evaluations"), ("promote-student", "students")}
    outputs = compiled.spec["components"][f"comp-{LOOP}"]["outputDefinitions"]
    assert outputs.keys() == {"artifacts"}
    assert all(artifact["isArtifactList"] for artifact in outputs["artifacts"].values())
    found = set()
    for name, task in compiled.tasks.items():
        for argument, binding in task.get("inputs", {}).get("artifacts", {}).items():
            if binding.get("taskOutputArtifact", {}).get("producerTask") == LOOP:
                definition = compiled.spec["components"][f"comp-{name}"]["inputDefinitions"]["artifacts"][argument]
                assert definition["isArtifactList"]
                found.add((name, argument))
    assert found == takers


def test_inside_the_loop_no_parameter_comes_from_a_task(compiled):
    """kfp.local would replace it by the loop's item."""
    for task in compiled.spec["components"][f"comp-{LOOP}"]["dag"]["tasks"].values():
        assert all("taskOutputParameter" not in binding for binding in task["inputs"]["parameters"].values())


def test_a_failed_task_is_repeated_twice_and_no_more_within_its_time(compiled):
    for step in STEPS:
        assert compiled.tasks[step]["retryPolicy"] == {
            "maxRetryCount": 2,
            "backoffDuration": "30s",
            "backoffFactor": 2.0,
            "backoffMaxDuration": f"{compiled.pods[step]['activeDeadlineSeconds']}s",
        }


def test_no_task_is_root_and_each_has_a_tmp_that_it_can_write(compiled):
    for pod in compiled.pods.values():
        assert pod["securityContext"] == {"runAsUser": "65532", "runAsGroup": "65532", "runAsNonRoot": True}
        assert pod["emptyDirMounts"] == [{"volumeName": "scratch", "mountPath": "/tmp"}]
