"""What this project's steps leave in MLflow, written without them: for a backend that has no pods."""

from pathlib import Path

from mlflow import MlflowClient

_RUN_ID, _ROLE, _PARENT = "kfp.pipeline_run_id", "spectral_distill.role", "mlflow.parentRunId"


class ProjectMlflow:
    """One parent run for each pipeline run, a nested one for each candidate, models with an alias."""

    def __init__(self, uri: str, artifacts: Path):
        self.uri = uri
        self._client = MlflowClient(self.uri)
        self._experiment = self._client.create_experiment("spectral-distill", artifacts.as_uri())
        self._parents: dict[str, str] = {}

    def begin(self, run: dict, is_unchanged: bool) -> None:
        tags = {_RUN_ID: run["run_id"], _ROLE: "pipeline"}
        if is_unchanged:
            tags["spectral_distill.unchanged_since"] = "an earlier run"
        made = self._client.create_run(self._experiment, run_name=run["display_name"], tags=tags)
        self._parents[run["run_id"]] = made.info.run_id

    def candidates(self, run: dict, names: list[str]) -> None:
        for name in names:
            tags = {_RUN_ID: run["run_id"], _ROLE: "candidate", _PARENT: self._parents[run["run_id"]]}
            tags["spectral_distill.candidate"] = name
            made = self._client.create_run(self._experiment, run_name=name, tags=tags)
            self._client.set_terminated(made.info.run_id, "FINISHED")

    def report(self, run: dict, page: str) -> None:
        self._client.log_text(self._parents[run["run_id"]], page, "report.html")

    def promote(self, run: dict, model: str) -> None:
        if not self._client.search_registered_models(filter_string=f"name = '{model}'"):
            self._client.create_registered_model(model)
        version = self._client.create_model_version(
            model, source="file:///nowhere", run_id=self._parents[run["run_id"]]
        ).version
        self._client.set_registered_model_alias(model, "champion", version)

    def close(self, run: dict, status: str) -> None:
        self._client.set_terminated(self._parents[run["run_id"]], status)
