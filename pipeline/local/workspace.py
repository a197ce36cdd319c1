"""The folder of local runs: artifacts, cache, logs, and MLflow's database."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """`root` and what lies below it. Nothing is made before it is needed."""

    root: Path

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    def cache(self, code: str) -> Path:
        """One cache for each state of the code that tasks run: KFP's own key knows the components' few lines only."""
        return self.root / "cache" / code

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

    def owner(self) -> tuple[int, int]:
        """User and group that tasks in containers run as: this process's, but root works for the folder's owner."""
        folder = self.root.stat()
        return (os.getuid(), os.getgid()) if os.getuid() else (folder.st_uid, folder.st_gid)

    def make(self, folder: Path) -> None:
        """Make a folder that tasks write into; one that is there stays whose it is."""
        if not folder.is_dir():
            folder.mkdir(parents=True)
            self.hand_over(folder)

    def hand_over(self, path: Path) -> None:
        """Give what this process made to whom tasks in containers run as."""
        if os.getuid() == 0:
            os.chown(path, *self.owner())

    def tracking_uri(self) -> str:
        """What MLFLOW_TRACKING_URI names; this workspace's database where it is not set."""
        return os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{self.database}")


def open_workspace(folder: str) -> Workspace:
    return Workspace(Path(folder).expanduser().resolve())
