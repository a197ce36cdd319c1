"""What MLflow keeps of pipeline runs, found by the tags that hold the KFP run's id, in whatever experiment."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

CHAMPION = "champion"
_RUN_ID, _PARENT = "kfp.pipeline_run_id", "mlflow.parentRunId"
_CANDIDATE = "spectral_distill.candidate"
_MOST = 1000


class Tracking:
    """The MLflow server that the environment names."""

    def __init__(self) -> None:
        self.client = MlflowClient(os.environ["MLFLOW_TRACKING_URI"])

    @classmethod
    def or_skip(cls) -> "Tracking":
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            pytest.skip("MLFLOW_TRACKING_URI is not set: what the steps left in MLflow cannot be looked at")
        return cls()

    def parent(self, kfp_run: str) -> Any:
        """The one run of a whole pipeline run."""
        found = [run for run in self.of_run(kfp_run) if _PARENT not in run.data.tags]
        names = [run.info.run_name for run in found]
        assert len(found) == 1, f"found parents {names} of run {kfp_run}, expected one"
        print(f"MLflow {names[0]!r}: {found[0].info.status}, {found[0].data.tags.get('mlflow.note.content', '')}")
        return found[0]

    def candidates(self, kfp_run: str) -> dict[str, str]:
        """Status of each candidate's run below that one, by candidate. With KFP's plugin a candidate has several."""
        parent = self.parent(kfp_run).info.run_id
        found = [run for run in self.of_run(kfp_run) if _CANDIDATE in run.data.tags and self._below(run, parent)]
        for run in found:
            print(f"MLflow   {run.info.run_name!r}: {run.info.status}")
        return {run.data.tags[_CANDIDATE]: run.info.status for run in found}

    def of_run(self, kfp_run: str) -> list[Any]:
        """All runs that belong to a KFP run."""
        experiments = [one.experiment_id for one in self.client.search_experiments()]
        return list(self.client.search_runs(experiments, f"tags.`{_RUN_ID}` = '{kfp_run}'", max_results=_MOST))

    def champion(self, model: str) -> Any | None:
        """The version that has the alias."""
        try:
            return self.client.get_model_version_by_alias(model, CHAMPION)
        except MlflowException:
            return None

    def file(self, run_id: str, name: str) -> str:
        """The text of a run's artifact."""
        with tempfile.TemporaryDirectory() as folder:
            return Path(self.client.download_artifacts(run_id, name, folder)).read_text(encoding="utf-8")

    def forget(self, kfp_runs: list[str], model: str) -> None:
        """Delete the runs and the registered model of a session."""
        for run in [run for kfp_run in kfp_runs for run in self.of_run(kfp_run)]:
            self.client.delete_run(run.info.run_id)
        if self.client.search_registered_models(f"name = '{model}'"):
            self.client.delete_registered_model(model)

    def _below(self, run: Any, parent: str) -> bool:
        above = run.data.tags.get(_PARENT)
        while above and above != parent:  # KFP's plugin nests loops, too
            above = self.client.get_run(above).data.tags.get(_PARENT)
        return above == parent


def says(run: Any, word: str) -> bool:
    """Whether a run's name, description or tags have a word."""
    texts = [run.info.run_name, *run.data.tags, *run.data.tags.values()]
    return any(word in str(text).lower() for text in texts)
