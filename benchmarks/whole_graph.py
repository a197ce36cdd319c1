"""The whole graph: what orchestration and tracking add to the work, and what a rerun costs.

    python benchmarks/whole_graph.py [--rounds 3] [--output benchmarks/results]

*Work* is what the steps take where nothing is tracked. *On top* of it come orchestration, the wall clock of a tracked
run less its own steps, and tracking, what its steps take more than those of an untracked run. Both are measured on runs
that find their trainings done, in fresh workspaces, tracked and untracked in turns, so that the noise of minutes of
training does not drown them. Medians of the rounds, for tracking step by step.
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
from typing import NamedTuple

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
        work = sum(_run(first, _UNTRACKED).steps.values())
        rounds = [_round(Path(first) / _TRAININGS) for _ in range(arguments.rounds)]
    orchestration = statistics.median(tracked.wall - sum(tracked.steps.values()) for tracked, _, _ in rounds)
    tracking = sum(
        statistics.median(tracked.steps[step] for tracked, _, _ in rounds)
        - statistics.median(untracked.steps[step] for _, untracked, _ in rounds)
        for step in rounds[0][0].steps
    )
    row = {
        "candidates": len(_STRATEGIES),
        "rounds": arguments.rounds,
        "work, s": work,
        "orchestration, s": orchestration,
        "tracking, s": tracking,
        "on top, %": 100 * (orchestration + tracking) / work,
        "rerun, s": statistics.median(rerun.wall for _, _, rerun in rounds),
    }
    report("pipeline", [row], arguments.output)


class _Run(NamedTuple):
    """Seconds on the wall clock, and of each step as it reports them."""

    wall: float
    steps: dict[str, float]


def _round(trainings: Path) -> tuple[_Run, _Run, _Run]:
    """A tracked run, an untracked one, and the tracked one's rerun."""
    with tempfile.TemporaryDirectory() as tracked, tempfile.TemporaryDirectory() as untracked:
        for workspace in (tracked, untracked):
            shutil.copytree(trainings, Path(workspace) / _TRAININGS)
        return _run(tracked, {}), _run(untracked, _UNTRACKED), _run(tracked, {})


def _run(workspace: str, environment: dict[str, str]) -> _Run:
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
    finished = [event for event in events if event["event"] == "step_finished"]
    return _Run(wall, {f"{event['step']} {event['detail']}": event["seconds"] for event in finished})


if __name__ == "__main__":
    main()
