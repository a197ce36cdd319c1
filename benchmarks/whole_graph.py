"""The whole graph: what orchestration and tracking add to the work, and what a rerun costs.

    python benchmarks/whole_graph.py [--rounds 3] [--output benchmarks/results]

*Work* is what the steps take where nothing is tracked. The rest of the wall clock of a tracked run is orchestration and
tracking: they are measured on runs that find their trainings done, in fresh workspaces, tracked and untracked in turns,
so that the noise of minutes of training does not drown them. Medians of the rounds.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import report

_STRATEGIES = ("uniform", "last", "spectral_intensity", "spectral_coverage")
_SETTINGS = {
    "teacher_epochs": 2,
    "student_epochs": 3,
    "profile_texts": 400,
    "candidates": [{"strategy": strategy, "layers": 3} for strategy in _STRATEGIES],
}
_TRAININGS = "trainings"  # the workspace's folder of finished trainings
_UNTRACKED = {"MLFLOW_TRACKING_URI": ""}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default="benchmarks/results")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as first:
        work = _run(first, _UNTRACKED)[1]
        rounds = [_round(Path(first) / _TRAININGS) for _ in range(arguments.rounds)]
    on_top = statistics.median(wall - untracked for wall, untracked, _ in rounds)
    row = {
        "candidates": len(_STRATEGIES),
        "rounds": arguments.rounds,
        "work, s": work,
        "on top, s": on_top,
        "on top, %": 100 * on_top / work,
        "rerun, s": statistics.median(rerun for _, _, rerun in rounds),
    }
    report("pipeline", [row], arguments.output)


def _round(trainings: Path) -> tuple[float, float, float]:
    """Seconds of a tracked run and of its rerun on the wall clock, between them the work of an untracked run."""
    with tempfile.TemporaryDirectory() as tracked, tempfile.TemporaryDirectory() as untracked:
        for workspace in (tracked, untracked):
            shutil.copytree(trainings, Path(workspace) / _TRAININGS)
        return _run(tracked, {})[0], _run(untracked, _UNTRACKED)[1], _run(tracked, {})[0]


def _run(workspace: str, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds on the wall clock, and the sum of what the steps report."""
    settings = Path(workspace) / "settings.yaml"
    settings.write_text(json.dumps(_SETTINGS), encoding="utf-8")
    command = Path(sys.executable).with_name("spectral-distill")
    started = time.time()
    subprocess.run(
        [command, "run", "--settings", settings, "--workspace", workspace],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | environment,
    )
    wall = time.time() - started
    newest = max(Path(workspace, "logs").glob("*.events.jsonl"))
    events = [json.loads(line) for line in newest.read_text(encoding="utf-8").splitlines()]
    return wall, sum(event["seconds"] for event in events if event["event"] == "step_finished")


if __name__ == "__main__":
    main()
