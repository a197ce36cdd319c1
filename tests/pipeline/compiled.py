"""A compiled pipeline as plain data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Compiled:
    """The two documents of the YAML: the pipeline, and what it asks of its platform."""

    spec: dict[str, Any]
    platform: dict[str, Any]

    @property
    def containers(self) -> dict[str, dict[str, Any]]:
        """By step."""
        executors = self.spec["deploymentSpec"]["executors"]
        return {name.removeprefix("exec-"): executor["container"] for name, executor in executors.items()}

    @property
    def pods(self) -> dict[str, dict[str, Any]]:
        """What Kubernetes is asked for, by step."""
        executors = self.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        return {name.removeprefix("exec-"): pod for name, pod in executors.items()}

    @property
    def tasks(self) -> dict[str, dict[str, Any]]:
        """Of the root and of every graph within, by name."""
        graphs = [self.spec["root"], *self.spec["components"].values()]
        return {name: task for graph in graphs for name, task in graph.get("dag", {}).get("tasks", {}).items()}


def read(path: Path) -> Compiled:
    spec, platform = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return Compiled(spec, platform)
