"""The whole graph: what orchestration and tracking add to the work, and what a rerun costs.

    python benchmarks/whole_graph.py [--rounds 3] [--output benchmarks/results]

*Work* is what a plain script takes that calls the steps' functions in one process, without KFP and MLflow
(`plain_script.py`), its imports included. *Orchestration* is what an untracked pipeline run takes more than the
script, *tracking* what a tracked run takes more than an untracked one, each from the command's start to its end in a
fresh workspace. Both are measured where trainings are found done and few batches are timed, script and runs in turns,
so that the noise of minutes of training does not drown them: medians of the rounds. Work is measured once. Settings are
the product's defaults.
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

from components.foundation.candidates import DEFAULT_CANDIDATES

_FEW_BATCHES = {"latency_batches": 5}
_TRAININGS = "trainings"  # the workspace's folder of finished trainings
_UNTRACKED = {"MLFLOW_TRACKING_URI": ""}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default="benchmarks/results")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as first:
        work = _script(first, {})
        rounds = [_round(Path(first) / _TRAININGS) for _ in range(arguments.rounds)]
    seconds = {kind: statistics.median(each[kind] for each in rounds) for kind in rounds[0]}
    row = {
        "candidates": len(DEFAULT_CANDIDATES),
        "rounds": arguments.rounds,
        "work, s": work,
        "orchestration, s": seconds["untracked"] - seconds["script"],
        "tracking, s": seconds["tracked"] - seconds["untracked"],
        "on top, %": 100 * (seconds["tracked"] - seconds["script"]) / work,
        "rerun, s": seconds["rerun"],
    }
    report("pipeline", [row], arguments.output)


def _round(trainings: Path) -> dict[str, float]:
    """Seconds of the script, an untracked run, a tracked one, and the tracked one's rerun."""
    with tempfile.TemporaryDirectory() as folder:
        script, untracked, tracked = (Path(folder) / name for name in ("script", "untracked", "tracked"))
        for workspace in (script, untracked, tracked):
            shutil.copytree(trainings, workspace / _TRAININGS)
        return {
            "script": _script(script, _FEW_BATCHES),
            "untracked": _run(untracked, _FEW_BATCHES, _UNTRACKED),
            "tracked": _run(tracked, _FEW_BATCHES, {}),
            "rerun": _run(tracked, _FEW_BATCHES, {}),
        }


def _script(workspace: str | Path, settings: dict[str, object]) -> float:
    environment = _UNTRACKED | {"SPECTRAL_DISTILL_CHECKPOINTS": str(Path(workspace) / _TRAININGS)}
    command = [sys.executable, Path(__file__).with_name("plain_script.py"), _settings(workspace, settings), workspace]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | environment)
    return float(printed.stdout.splitlines()[-1])


def _run(workspace: Path, settings: dict[str, object], environment: dict[str, str]) -> float:
    program = Path(sys.executable).with_name("spectral-distill")
    command = [program, "run", "--settings", _settings(workspace, settings), "--workspace", workspace]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | environment)
    return time.perf_counter() - started


def _settings(workspace: str | Path, settings: dict[str, object]) -> Path:
    path = Path(workspace) / "settings.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
