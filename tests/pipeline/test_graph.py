"""The compiled pipeline: what a KFP backend and its UI get to see."""

from pathlib import Path

import pytest
import yaml
from kfp import components

from pipeline.deployment import Deployment
from pipeline.graph import compile_pipeline
from pipeline.settings import Settings, describe

ROOT = Path(__file__).parents[2]
NEVER_CACHED = {"resolve-data", "promote-student", "close-run"}
STEPS = {
    "resolve-data", "prepare-data", "train-teacher", "profile-teacher", "capture-signals", "select-layers",
    "distill-student", "evaluate-student", "compare-students", "promote-student", "close-run",
}  # fmt: skip


@pytest.fixture(scope="module")
def documents() -> list[dict]:
    return read(ROOT / "pipeline.yaml")


def read(path: Path) -> list[dict]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def tasks(component: dict) -> dict[str, dict]:
    return component.get("dag", {}).get("tasks", {})


def all_tasks(spec: dict) -> dict[str, dict]:
    found = dict(tasks(spec["root"]))
    for component in spec["components"].values():
        found |= tasks(component)
    return found


def test_committed_pipeline_yaml_is_what_the_graph_compiles_to(tmp_path: Path):
    fresh = tmp_path / "pipeline.yaml"
    compile_pipeline(fresh, Deployment())
    assert read(fresh) == read(ROOT / "pipeline.yaml"), "pipeline.yaml is stale: run `make compile`"


def test_kfp_loads_the_committed_pipeline():
    assert components.load_component_from_file(str(ROOT / "pipeline.yaml")).name == "spectral-distill"


def test_every_step_is_in_the_graph(documents):
    assert {name.removeprefix("comp-") for name in documents[0]["components"]} >= STEPS


def test_every_input_has_a_description_and_its_default_is_the_settings_default(documents):
    inputs = documents[0]["root"]["inputDefinitions"]["parameters"]
    assert inputs.keys() == Settings.model_fields.keys()
    for name, field in Settings.model_fields.items():
        assert inputs[name]["description"] == field.description
        assert inputs[name]["defaultValue"] == field.default


def test_candidates_run_in_a_loop_over_the_candidates_parameter(documents):
    spec = documents[0]
    loops = [task for task in all_tasks(spec).values() if "parameterIterator" in task]
    assert len(loops) == 1
    loop = spec["components"][loops[0]["componentRef"]["name"]]
    assert set(tasks(loop)) == {"distill-student", "evaluate-student"}


def test_caching_is_set_for_each_task(documents):
    steps = {name: task for name, task in all_tasks(documents[0]).items() if name in STEPS}
    uncached = {name for name, task in steps.items() if not task["cachingOptions"].get("enableCache")}
    assert uncached == NEVER_CACHED


def test_nothing_is_installed_at_run_time(documents):
    for executor in documents[0]["deploymentSpec"]["executors"].values():
        assert "pip install" not in " ".join(executor["container"]["command"])


def test_every_task_learns_the_run_id_from_its_pod(documents):
    executors = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors.keys() == documents[0]["deploymentSpec"]["executors"].keys()
    for config in executors.values():
        assert {"name": "KFP_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"} in config["fieldPathAsEnv"]


def test_settings_page_is_current():
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert describe(Settings.model_fields.items()) in page, "docs/settings.md is stale: run `make compile`"
