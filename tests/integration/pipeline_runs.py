"""How the integration tests run the pipeline against real services, and what they look at afterwards."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tests.support.servers import MlflowServer, s3_environment

MODEL = "tiny-student"
CLI = [sys.executable, "-m", "pipeline.cli"]
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "s3-secret-c41d8e",
    "AWS_SESSION_TOKEN": "s3-session-90ab17",
    "MLFLOW_TRACKING_USERNAME": "somebody",
    "MLFLOW_TRACKING_PASSWORD": "mlflow-password-77f2c0",
}
"""What the pipeline is given to reach S3 and MLflow, and must keep to itself."""


@dataclass(frozen=True)
class Services:
    s3_url: str
    database: str
    mlflow: MlflowServer

    @property
    def s3(self) -> Any:
        return boto3.Session().client(
            "s3", endpoint_url=self.s3_url, region_name="us-east-1", aws_access_key_id="test",
            aws_secret_access_key="test",
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """What a user of the services has in the environment."""
        return {**outside(), **s3_environment(self.s3_url), "MLFLOW_TRACKING_URI": self.mlflow.url, **SECRETS}

    def objects(self, bucket: str) -> dict[str, bytes]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key: self.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@dataclass(frozen=True)
class Finished:
    """A `spectral-distill run` that has ended: its exit code, what it printed, the events of its steps."""

    workspace: Path
    exit_code: int
    output: str
    errors: str
    events: list[dict[str, Any]]

    @property
    def id(self) -> str:
        return sorted((self.workspace / "logs").glob("*.log"))[-1].stem

    @property
    def result(self) -> dict[str, Any]:
        return next(event for event in self.events if event["event"] == "result")

    @property
    def leaderboard(self) -> dict[str, Any]:
        return json.loads((Path(self.result["comparison"]) / "leaderboard.json").read_text())

    def steps(self) -> list[str]:
        return [event["step"] for event in self.events if event["event"] == "step_finished"]

    def told(self, event: str) -> list[dict[str, Any]]:
        return [found for found in self.events if found["event"] == event]


def outside() -> dict[str, str]:
    """The environment without what points at somebody's MLflow, KFP or AWS."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "KFP", "AWS"))}


def read_events(workspace: Path) -> list[dict[str, Any]]:
    """The latest run's whole lines so far."""
    files = sorted((workspace / "logs").glob("*.events.jsonl"))
    lines = files[-1].read_text().splitlines(keepends=True) if files else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def start(workspace: Path, environment: Mapping[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*CLI, "run", "--workspace", str(workspace), *arguments], env=dict(environment), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(running: subprocess.Popen[str], workspace: Path) -> Finished:
    output, errors = running.communicate(timeout=900)
    return Finished(workspace, running.returncode, output, errors, read_events(workspace))
