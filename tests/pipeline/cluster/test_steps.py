"""The steps of a compiled pipeline, their order, and the Argo nodes that they run in."""

import json
from pathlib import Path

import pytest
from kfp import compiler, dsl, kubernetes
from yaml import safe_load_all

from pipeline.cluster.nodes import fnv1a, nodes_of
from pipeline.cluster.steps import steps_of
from tests.support.checkout import SHARED
from tests.support.recordings import NAMES, recorded, recorded_pipeline, recorded_workflow, trimmed, trimmed_workflow

RECORDINGS = SHARED / "kfp-recordings"
CANDIDATES = [{"strategy": "uniform", "layers": 3}, {"strategy": "last", "layers": 2, "seed": 1}]
BEHIND_THE_GATE = "(0).root(0).exit-handler-1(0).condition-2(0)"


@dsl.component
def look() -> str:
    return "yes"


@dsl.component
def train(candidate: dict) -> None:
    pass


@dsl.component
def report() -> None:
    pass


def compiled(tmp_path: Path, items: object = None) -> dict:
    """An exit handler, a condition in it, and in that a task, a loop, and a task behind the loop."""

    @dsl.pipeline(name="gated")
    def gated(candidates: list[dict] = CANDIDATES) -> None:
        found = look()
        with (
            dsl.ExitHandler(report().set_display_name("close"), name="everything"),
            dsl.If(found.output == "yes", name="something-is-new"),
        ):
            before = report()
            with dsl.ParallelFor(items or candidates) as candidate:
                one = train(candidate=candidate).after(before).set_retry(2)
                kubernetes.add_pod_label(one, "team", "a")
            report().after(one)

    path = tmp_path / "gated.yaml"
    compiler.Compiler().compile(gated, str(path))
    spec, platform = safe_load_all(path.read_text())
    return {"pipeline_spec": spec, "platform_spec": platform}


def test_steps_come_in_the_graphs_order_with_their_groups_items_and_nodes(tmp_path: Path):
    steps = [step for step in steps_of(compiled(tmp_path), {}) if not step.is_group]
    loop = f"{BEHIND_THE_GATE}.for-loop-3(0).iteration-iterations"
    assert [(step.name, step.item, step.node) for step in steps] == [
        ("look", "", "(0).root(0).look"),
        ("report-2", "", f"{BEHIND_THE_GATE}.report-2"),
        ("train", "uniform-3L-s0", f"{loop}(0:0)(0).iteration-item(0).train"),
        ("train", "last-2L-s1", f"{loop}(1:1)(0).iteration-item(0).train"),
        ("report-3", "", f"{BEHIND_THE_GATE}.report-3"),
        ("report", "", "(0).root(0).exit-handler-1.onExit(0).report"),
    ]


def test_a_runs_own_items_win_over_the_pipelines_and_may_be_json(tmp_path: Path):
    for given in (CANDIDATES[1:], json.dumps(CANDIDATES[1:])):
        steps = steps_of(compiled(tmp_path), {"candidates": given})
        assert [step.item for step in steps if step.name == "train"] == ["last-2L-s1"]


def test_items_that_are_no_candidates_are_shown_as_they_are(tmp_path: Path):
    steps = steps_of(compiled(tmp_path), {"candidates": [{"a": 1}, "b"]})
    assert [step.item for step in steps if step.name == "train"] == ['{"a": 1}', "b"]


def test_items_that_only_the_run_knows_are_counted_by_its_nodes(tmp_path: Path):
    spec = compiled(tmp_path)
    del spec["pipeline_spec"]["root"]["inputDefinitions"]["parameters"]["candidates"]["defaultValue"]
    loop = f"{BEHIND_THE_GATE}.for-loop-3(0).iteration-iterations"
    there = {f"{loop}(0:0)", f"{loop}(1:1)"}
    steps = steps_of(spec, {}, there.__contains__)
    assert [step.item for step in steps if step.name == "train"] == ["item 0", "item 1"]


def test_a_tasks_template_follows_its_retries_and_labels(tmp_path: Path):
    templates = {step.name: step.template for step in steps_of(compiled(tmp_path), {})}
    assert templates["train"] == "metadata-0-1-retry-system-container-impl"
    assert templates["look"] == "system-container-impl"


def test_a_recorded_runs_nodes_have_the_names_that_its_steps_tell():
    run = recorded("cached")
    ids = {child["pod_name"] for one in run["run_details"]["task_details"] for child in one.get("child_tasks", [])}
    nodes = nodes_of(ids)
    steps = steps_of(recorded_pipeline(), run["runtime_config"]["parameters"])
    assert nodes.name == "spectral-distill-xbbws"
    assert len(steps) == 21
    assert all(nodes.has(f"{step.node}(0)") and nodes.has(f"{step.driver}(0)") for step in steps)


def test_every_node_of_a_recorded_workflow_has_the_hash_of_its_name():
    workflow = recorded_workflow()
    name, nodes = workflow["metadata"]["name"], workflow["status"]["nodes"]
    named = nodes_of(nodes)
    assert len(nodes) > 100
    assert all(named.id_of(node["name"].removeprefix(name)) == key for key, node in nodes.items() if key != name)
    assert nodes[named.id_of("(0)")]["name"] == f"{name}(0)"


@pytest.mark.shared
def test_the_recordings_here_are_the_whole_ones_cut_down():
    for name in NAMES:
        assert recorded(name) == trimmed(json.loads((RECORDINGS / f"run-{name}.json").read_text()))
    workflow = json.loads((RECORDINGS / "workflow-cached.json").read_text())
    assert recorded_workflow() == trimmed_workflow(workflow)


@pytest.mark.parametrize(("text", "digest"), [("", 0x811C9DC5), ("a", 0xE40C292C), ("foobar", 0xBF9CF968)])
def test_the_hash_is_fnv_1a(text: str, digest: int):
    """The vectors of its authors."""
    assert fnv1a(text) == digest
