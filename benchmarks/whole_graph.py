"""The whole graph: what orchestration and tracking add to the work, and what a rerun costs.

    python benchmarks/whole_graph.py [--output benchmarks/results]

*Work* is what the steps themselves take where nothing is tracked; the rest of the wall clock of a tracked run is
orchestration and tracking. Three fresh runs of each kind in turns, medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import report

_ROUNDS = 3
_STRATEGIES = ("uniform", "last", "spectral_intensity", "spectral_coverage")
_SETTINGS = {
    "teacher_epochs": 2,
    "student_epochs": 3,
    "profile_texts": 400,
    "candidates": [{"strategy": strategy, "layers": 3} for strategy in _STRATEGIES],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default="benchmarks/results")
    walls, works, reruns = [], [], []
    for _ in range(_ROUNDS):
        with tempfile.TemporaryDirectory() as tracked, tempfile.TemporaryDirectory() as untracked:
            walls.append(_run(tracked, {})[0])
            reruns.append(_run(tracked, {})[0])
            works.append(_run(untracked, {"MLFLOW_TRACKING_URI": ""})[1])
    wall, work = statistics.median(walls), statistics.median(works)
    row = {
        "candidates": len(_STRATEGIES),
        "rounds": _ROUNDS,
        "wall, s": wall,
        "work, s": work,
        "on top, s": wall - work,
        "on top, %": 100 * (wall - work) / work,
        "rerun, s": statistics.median(reruns),
    }
    report("pipeline", [row], parser.parse_args().output)


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
