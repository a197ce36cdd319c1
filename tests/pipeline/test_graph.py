"""The compiled pipeline: what a KFP backend and its UI get to see."""

from pathlib import Path

import pytest

from pipeline.deployment import STEPS, Deployment, TaskOptions
from pipeline.graph import compile_pipeline
from pipeline.settings import FORM, IN_ADVANCED, describe
from spectral_distill.core.settings import ADVANCED
from spectral_distill.run_settings import Settings
from tests.pipeline.compiled import Compiled, read
from tests.support.checkout import COMMITTED, ROOT

NEVER_CACHED = {"resolve-data", "promote-student", "close-run"}


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return read(COMMITTED)


def test_committed_pipeline_yaml_is_what_the_graph_compiles_to(tmp_path: Path):
    fresh = tmp_path / "pipeline.yaml"
    compile_pipeline(fresh, Deployment())
    assert read(fresh) == read(COMMITTED), "pipeline.yaml is stale: run `make compile`"


def test_every_input_has_a_description_and_its_default_is_the_settings_default(compiled):
    inputs = compiled.spec["root"]["inputDefinitions"]["parameters"]
    assert inputs.keys() == {*FORM, ADVANCED}
    assert {*FORM, *IN_ADVANCED} == Settings.model_fields.keys()
    for name, field in FORM.items():
        assert inputs[name]["description"] == field.description
        assert inputs[name]["defaultValue"] == field.default
    assert inputs[ADVANCED]["defaultValue"] == {}
    assert all(name in inputs[ADVANCED]["description"] for name in IN_ADVANCED)


def test_resolve_data_takes_every_parameter_of_the_form(compiled):
    taken = compiled.spec["components"]["comp-resolve-data"]["inputDefinitions"]["parameters"]
    assert taken.keys() == {*FORM, ADVANCED, "run_name"}


def test_candidates_run_in_a_loop_over_the_candidates_parameter(compiled):
    loops = [task for task in compiled.tasks.values() if "parameterIterator" in task]
    assert [loop["parameterIterator"]["items"] for loop in loops] == [{"inputParameter": "pipelinechannel--candidates"}]
    loop = compiled.spec["components"][loops[0]["componentRef"]["name"]]
    assert set(loop["dag"]["tasks"]) == {"distill-student"}


def test_caching_is_set_for_each_task(compiled):
    uncached = {step for step in STEPS if not compiled.tasks[step]["cachingOptions"].get("enableCache")}
    assert uncached == NEVER_CACHED


def test_settings_page_is_current():
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for fields in (FORM, IN_ADVANCED, TaskOptions.model_fields):
        assert describe(fields.items()) in page, "docs/settings.md is stale: run `make compile`"
