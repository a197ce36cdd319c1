"""The folder of local runs: artifacts, cache, logs, and MLflow's database."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """Paths of a workspace. Folders are made only when they are needed.

    Attributes:
        root: The folder.
    """

    root: Path

    @property
    def artifacts(self) -> Path:
        """Folder of kfp's artifacts."""
        return self.root / "artifacts"

    def cache(self, code: str) -> Path:
        """Return the cache of one version of the code; kfp's own key covers only the few lines of a component.

        Args:
            code: Version of the code that tasks run.

        Returns:
            Path of the cache.
        """
        return self.root / "cache" / code

    @property
    def trainings(self) -> Path:
        """Folder of training checkpoints, from which a killed run resumes."""
        return self.root / "trainings"

    @property
    def database(self) -> Path:
        """MLflow's SQLite database."""
        return self.root / "mlflow.db"

    def log(self, run_id: str) -> Path:
        """Return the log of a run.

        Args:
            run_id: Id of the run.

        Returns:
            Path of the log.
        """
        return self.root / "logs" / f"{run_id}.log"

    def events(self, run_id: str) -> Path:
        """Return the events file of a run.

        Args:
            run_id: Id of the run.

        Returns:
            Path of a JSONL file.
        """
        return self.root / "logs" / f"{run_id}.events.jsonl"

    def owner(self) -> tuple[int, int]:
        """Return the user and group of tasks in containers: this process's, or the folder's owner if this is root.

        Returns:
            User id and group id.
        """
        folder = self.root.stat()
        return (os.getuid(), os.getgid()) if os.getuid() else (folder.st_uid, folder.st_gid)

    def make(self, folder: Path) -> None:
        """Make a folder that tasks write to; an existing folder keeps its owner.

        Args:
            folder: The folder.
        """
        if not folder.is_dir():
            folder.mkdir(parents=True)
            self.hand_over(folder)

    def hand_over(self, path: Path) -> None:
        """Change the owner of a new path to the user of tasks in containers.

        Args:
            path: A path that this process made.
        """
        if os.getuid() == 0:
            os.chown(path, *self.owner())

    def tracking_uri(self) -> str:
        """Return MLFLOW_TRACKING_URI, or this workspace's database if it is not set.

        Returns:
            MLflow's tracking URI.
        """
        return os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{self.database}")


def open_workspace(folder: str) -> Workspace:
    """Open the workspace in a folder.

    Args:
        folder: Path of the folder; ~ is expanded.

    Returns:
        The workspace. Nothing is made yet.
    """
    return Workspace(Path(folder).expanduser().resolve())
