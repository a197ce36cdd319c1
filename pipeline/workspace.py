"""The folder of local runs: artifacts, cache, logs, and MLflow's database."""

import os
from dataclasses import dataclass
from pathlib import Path

from components.foundation.code_version import code_version


@dataclass(frozen=True)
class Workspace:
    """`root` and what lies below it. Nothing is made before it is needed."""

    root: Path

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    @property
    def cache(self) -> Path:
        """One cache for each state of the code: KFP's own key knows the components' few lines only."""
        return self.root / "cache" / code_version()

    @property
    def trainings(self) -> Path:
        """Checkpoints, from which a killed run goes on."""
        return self.root / "trainings"

    @property
    def database(self) -> Path:
        return self.root / "mlflow.db"

    def log(self, run_id: str) -> Path:
        return self.root / "logs" / f"{run_id}.log"

    def events(self, run_id: str) -> Path:
        return self.root / "logs" / f"{run_id}.events.jsonl"

    def use_tracking(self) -> str:
        """Track in this workspace unless MLFLOW_TRACKING_URI names a server; returns the URI in use."""
        return os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{self.database}")


def open_workspace(folder: str) -> Workspace:
    return Workspace(Path(folder).expanduser().resolve())
