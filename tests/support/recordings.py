"""What a real Kubeflow Pipelines 2.17 answered about runs of this project's pipeline, cut down to what is read of it.

The runs were of an earlier graph than today's: `pipeline.json` is its IR. `python tests/support/recordings.py SHARED`
makes the files anew from the whole recordings in that folder.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "recorded"
NAMES = ("running", "cached", "failed-task", "failed-driver", "cancelled", "stale-tasks")


def recorded(name: str) -> dict[str, Any]:
    """The answer about one run."""
    return json.loads((FOLDER / f"run-{name}.json").read_text(encoding="utf-8"))


def recorded_pipeline() -> dict[str, Any]:
    """The IR of the pipeline that the recorded runs are of."""
    return json.loads((FOLDER / "pipeline.json").read_text(encoding="utf-8"))


def recorded_workflow() -> dict[str, Any]:
    """The Argo Workflow of the run `cached`: its name, and the names of its nodes by id."""
    return json.loads((FOLDER / "workflow-cached.json").read_text(encoding="utf-8"))


def trimmed(run: dict[str, Any]) -> dict[str, Any]:
    """An answer about a run, without what no command reads."""
    details = [
        {name: detail[name] for name in ("display_name", "state", "start_time", "end_time", "child_tasks")
         if name in detail} for detail in run["run_details"]["task_details"]
    ]  # fmt: skip
    kept = {name: value for name, value in run.items() if name not in ("service_account", "storage_state")}
    return kept | {"run_details": {"task_details": details}}


def trimmed_workflow(workflow: dict[str, Any]) -> dict[str, Any]:
    """A Workflow, without what its nodes are."""
    nodes = {key: {"name": node["name"]} for key, node in workflow["status"]["nodes"].items()}
    return {"metadata": {"name": workflow["metadata"]["name"]}, "status": {"nodes": nodes}}


def trimmed_pipeline(text: str) -> dict[str, Any]:
    """A compiled pipeline, without what its containers are."""
    ir = next(yaml.safe_load_all(text))
    components = {name: _trimmed_component(one) for name, one in ir["components"].items()}
    return {
        "pipelineInfo": {"name": ir["pipelineInfo"]["name"]},
        "root": _trimmed_component(ir["root"]),
        "components": components,
    }


def _trimmed_component(component: dict[str, Any]) -> dict[str, Any]:
    kept = {name: component[name] for name in ("executorLabel", "dag") if name in component}
    inputs = component.get("inputDefinitions", {}).get("parameters", {})
    defaults = {
        name: {"defaultValue": one["defaultValue"]} if "defaultValue" in one else {} for name, one in inputs.items()
    }
    return kept | ({"inputDefinitions": {"parameters": defaults}} if "dag" in kept else {})


def _write(name: str, value: Any) -> None:
    (FOLDER / name).write_text(json.dumps(value, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    shared = Path(sys.argv[1])
    for each in NAMES:
        _write(f"run-{each}.json", trimmed(json.loads((shared / f"run-{each}.json").read_text(encoding="utf-8"))))
    whole = json.loads((shared / "workflow-cached.json").read_text(encoding="utf-8"))
    _write("workflow-cached.json", trimmed_workflow(whole))
    _write("pipeline.json", trimmed_pipeline(sys.stdin.read()))
