"""The committed pipeline.yaml against what a KFP backend takes, and what nobody wants to find in it."""

import copy
import re

import pytest
from google.protobuf import json_format
from kfp import components
from kfp.kubernetes.kubernetes_executor_config_pb2 import KubernetesExecutorConfig
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineDeploymentConfig, PipelineSpec, PlatformSpec

from components.image import IMAGE
from pipeline.deployment import STEPS
from spectral_distill.core.settings import ADVANCED
from spectral_distill.run_settings import Settings
from tests.pipeline.compiled import read
from tests.pipeline.ir_types import mismatches
from tests.support.checkout import COMMITTED

# What a task of the graph may carry; a loop over artifacts or an importer would be something else.
TASK_FIELDS = {
    "cachingOptions", "componentRef", "dependentTasks", "inputs", "iteratorPolicy", "parameterIterator",
    "retryPolicy", "taskInfo", "triggerPolicy",
}  # fmt: skip
INPUT_KINDS = {
    "componentInputParameter", "componentInputArtifact", "taskOutputParameter", "taskOutputArtifact",
    "taskFinalStatus", "runtimeValue",
}  # fmt: skip
LOOP, GATE, HANDLER = "for-loop-3", "condition-2", "exit-handler-1"
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


def test_what_flows_into_every_input_has_its_type(compiled):
    assert mismatches(compiled.spec) == []


def test_a_loop_over_untyped_items_is_found(compiled):
    """As the pipeline of 0.1 had it, which failed in the driver of every candidate."""
    spec = copy.deepcopy(compiled.spec)
    loop = spec["components"][f"comp-{LOOP}"]
    loop["inputDefinitions"]["parameters"]["pipelinechannel--candidates-loop-item"]["parameterType"] = "STRING"
    assert mismatches(spec) == [
        "comp-condition-2/for-loop-3: parameter pipelinechannel--candidates-loop-item: expected STRING, found STRUCT",
        "comp-for-loop-3/distill-student: parameter candidate: expected STRUCT, found STRING",
    ]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda spec: outputs(spec, "resolve-data")["parameters"]["data_settings"].update(parameterType="STRING"),
         "root/exit-handler-1: parameter pipelinechannel--resolve-data-data_settings: expected STRUCT, found STRING"),
        (lambda spec: outputs(spec, "train-teacher")["artifacts"].pop("teacher"), "artifact teacher"),
        (lambda spec: outputs(spec, "prepare-data")["artifacts"]["dataset"]["artifactType"].update(
            schemaTitle="system.Model"), "artifact dataset"),
        (lambda spec: inputs(spec, "evaluate-students")["artifacts"]["students"].pop("isArtifactList"),
         "evaluate-students: artifact students"),
        (lambda spec: spec["root"]["inputDefinitions"]["parameters"]["force"].update(parameterType="STRING"),
         "root/resolve-data: parameter force: expected BOOLEAN, found STRING"),
        (lambda spec: spec["root"]["dag"]["tasks"]["resolve-data"]["inputs"]["parameters"]["run_name"]["runtimeValue"]
         .update(constant=3), "root/resolve-data: parameter run_name: expected STRING, found int"),
        (lambda spec: spec["root"]["dag"]["tasks"]["resolve-data"]["inputs"]["parameters"].pop("data"),
         "root/resolve-data: parameter data: expected STRING, found nothing"),
    ],
)  # fmt: skip
def test_other_types_are_found(compiled, change, found):
    spec = copy.deepcopy(compiled.spec)
    change(spec)
    assert any(re.search(found, line) for line in mismatches(spec)), mismatches(spec)


def outputs(spec, step):
    return spec["components"][f"comp-{step}"]["outputDefinitions"]


def inputs(spec, step):
    return spec["components"][f"comp-{step}"]["inputDefinitions"]


def test_the_description_that_the_ui_shows_names_every_setting(compiled):
    description = compiled.spec["pipelineInfo"]["description"]
    for name, field in Settings.model_fields.items():
        assert f"**{name}**" in description
        assert field.description in description


def test_the_form_has_twenty_parameters_in_groups(compiled):
    names = sorted(compiled.spec["root"]["inputDefinitions"]["parameters"])
    assert len(names) == 20
    groups = [name.partition("_")[0] for name in names]
    assert {name for name in groups if groups.count(name) == 1} == {ADVANCED, "candidates", "force", "profile"}


def test_no_parameter_is_a_secret(compiled):
    parameters = {name for part in (compiled.spec["root"], *compiled.spec["components"].values())
                  for name in part.get("inputDefinitions", {}).get("parameters", {})}  # fmt: skip
    assert not [name for name in parameters if SECRET_NAMES.search(name)]


@pytest.mark.parametrize("pattern", SECRET_VALUES.values(), ids=SECRET_VALUES.keys())
def test_nothing_in_it_looks_like_a_secret(pattern):
    assert not re.findall(pattern, COMMITTED.read_text(encoding="utf-8"))


def test_secrets_come_as_files_and_the_environment_says_little(compiled):
    for step, container in compiled.containers.items():
        expected = [{"name": "SPECTRAL_DISTILL_IMAGE", "value": IMAGE}] if step == "resolve-data" else []
        assert container.get("env", []) == expected
    for pod in compiled.pods.values():
        assert pod["fieldPathAsEnv"] == [{"name": "KFP_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}]
        assert not pod.keys() & {"secretAsEnv", "configMapAsEnv"}  # KFP's MLflow plugin sets some of these itself
        mounts = [*pod["secretAsVolume"], *pod["configMapAsVolume"]]
        assert [(mount.get("secretName") or mount["configMapName"], mount["mountPath"]) for mount in mounts] == [
            ("spectral-distill", "/etc/spectral-distill/secret"),
            ("spectral-distill-config", "/etc/spectral-distill/config"),
        ]
        assert all(mount["optional"] for mount in mounts)


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


def test_one_loop_one_gate_and_one_exit_handler(compiled):
    loops = {name for name, task in compiled.tasks.items() if "parameterIterator" in task}
    policies = {name: task["triggerPolicy"] for name, task in compiled.tasks.items() if "triggerPolicy" in task}
    assert loops == {LOOP}
    assert policies == {
        "close-run": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
        GATE: {"condition": "inputs.parameter_values['pipelinechannel--resolve-data-changed'] == 'yes'"},
    }
    assert set(compiled.spec["root"]["dag"]["tasks"]) == {"resolve-data", HANDLER, "close-run"}


def test_what_leaves_the_loop_is_lists_of_artifacts_and_is_taken_as_such(compiled):
    takers = {("evaluate-students", "students"), ("promote-student", "students")}
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


def test_a_lost_pod_is_replaced_twice_each_with_its_whole_time(compiled):
    """The policy is the installation's: KFP's own repeats what was lost, never what failed, but waits all the same."""
    for step in STEPS:
        assert compiled.tasks[step]["retryPolicy"] == {
            "maxRetryCount": 2,
            "backoffDuration": "1s",
            "backoffFactor": 2.0,
            "backoffMaxDuration": f"{3 * int(compiled.pods[step]['activeDeadlineSeconds'])}s",
        }


def test_no_task_is_root_and_each_has_a_tmp_that_it_can_write(compiled):
    for pod in compiled.pods.values():
        assert pod["securityContext"] == {"runAsUser": "65532", "runAsGroup": "65532", "runAsNonRoot": True}
        assert pod["emptyDirMounts"] == [{"volumeName": "scratch", "mountPath": "/tmp"}]
