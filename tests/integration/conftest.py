"""S3, PostgreSQL and an MLflow server between them, and the pipeline run against all of it."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.pipeline_runs import MODEL, Finished, Services, finish, outside, start
from tests.support.servers import MlflowServer, free_port, postgres_binaries, postgres_server, s3_environment, s3_server


@pytest.fixture(scope="package")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed (Debian's package postgresql)")
    with s3_server() as s3_url, postgres_server(binaries) as database:
        options = {
            "--backend-store-uri": database.replace("://", "+psycopg2://"),
            "--artifacts-destination": "s3://mlflow",
            "--allowed-hosts": "127.0.0.1:*",
        }
        server = MlflowServer(
            options=["--serve-artifacts", *itertools.chain.from_iterable(options.items())],
            environment={**outside(), **s3_environment(s3_url)},
            log=tmp_path_factory.mktemp("mlflow") / "server.log",
            port=free_port(),
        )
        found = Services(s3_url, database, server)
        for bucket in ("mlflow", "data", "results"):
            found.s3.create_bucket(Bucket=bucket)
        found.s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
        try:
            server.start()
            yield found
        finally:
            server.kill()


@pytest.fixture(scope="package")
def settings(
    tmp_path_factory: pytest.TempPathFactory, services: Services, tiny_checkpoint: Path, tiny_csv: Path
) -> Path:
    """Data and the place for results in S3; two small students."""
    services.s3.put_object(Bucket="data", Key="intents/intents.csv", Body=tiny_csv.read_bytes())
    path = tmp_path_factory.mktemp("settings") / "tiny.yaml"
    values = {
        "data": "s3://data/intents/intents.csv", "promotion_publish_to": "s3://results/students",
        "teacher": str(tiny_checkpoint),
        "teacher_max_tokens": 16, "teacher_epochs": 8, "teacher_learning_rate": 0.005, "student_epochs": 6,
        "student_learning_rate": 0.005, "profile_examples": 40, "latency_batches": 5, "promotion_model": MODEL,
        "candidates": [{"strategy": "uniform", "layers": 2}, {"strategy": "last", "layers": 1}],
    }  # fmt: skip
    path.write_text(json.dumps(values))
    return path


@pytest.fixture(scope="package")
def tracked(tmp_path_factory: pytest.TempPathFactory, services: Services, settings: Path) -> Finished:
    """The whole graph, run once against the services."""
    workspace = tmp_path_factory.mktemp("tracked") / "runs"
    done = finish(start(workspace, services.environment, "--settings", str(settings)), workspace)
    assert done.exit_code == 0, done.output + done.errors
    return done
