"""The command line against a KFP server; in between, for the contract, Prism with the backend's own OpenAPI."""

import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import fields
from pathlib import Path

import pytest

from pipeline import cli
from tests.pipeline.cluster.command_line import TOKEN, Answer, Command
from tests.pipeline.cluster.kfp_server import Kfp, serving
from tests.support.recordings import recorded, recorded_pipeline

SWAGGER = Path(__file__).parent / "kfp_api" / "kfp_api_single_file.swagger.json"
LOG_ROUTE = "/apis/v1alpha1/runs/{run_id}/nodes/{node_id}/log"
START_S = 60


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run `spectral-distill` with these arguments, in a home without KFP's settings and outside any checkout."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("kfp.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "context.json"))

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr("sys.argv", ["spectral-distill", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as left:
            code = int(left.code or 0)
        return Answer(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def _backend() -> Iterator[tuple[Kfp, str]]:
    kfp = Kfp()
    with serving(kfp) as server:
        yield kfp, f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(scope="session")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], AbstractContextManager[str]]:
    """Prism before a server: a request or an answer that breaks the published API comes back as an error."""
    prism = _find_prism()
    if prism is None:
        pytest.skip("Prism is not installed: npm install --global @stoplight/prism-cli@5.16")
    schema = tmp_path_factory.mktemp("contract") / "kfp.swagger.json"
    schema.write_text(json.dumps(_with_log_route(json.loads(SWAGGER.read_text(encoding="utf-8")))))

    @contextmanager
    def before(server: str) -> Iterator[str]:
        port = _free_port()
        log = schema.with_name(f"prism-{port}.log")
        with log.open("w") as stream:
            process = subprocess.Popen(
                [*prism, "proxy", "--errors", "-h", "127.0.0.1", "-p", str(port), str(schema), server],
                stdout=stream, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            _wait_for(port, process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=START_S)

    return before


@pytest.fixture(scope="session")
def _prism(_backend: tuple[Kfp, str], contract: Callable[[str], AbstractContextManager[str]]) -> Iterator[str]:
    with contract(_backend[1]) as address:
        yield address


@pytest.fixture
def server(_backend: tuple[Kfp, str], monkeypatch: pytest.MonkeyPatch) -> Kfp:
    """An empty server that commands find by their environment, without a contract."""
    kfp, address = _backend
    for each in fields(Kfp):
        setattr(kfp, each.name, each.default_factory() if callable(each.default_factory) else each.default)
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", address)
    monkeypatch.setenv("KF_PIPELINES_TOKEN", TOKEN)
    return kfp


@pytest.fixture
def kfp(server: Kfp, _prism: str, monkeypatch: pytest.MonkeyPatch) -> Kfp:
    """An empty server behind the contract, for a user's profile of a multi-user Kubeflow."""
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", _prism)
    monkeypatch.setenv("KF_PIPELINES_NAMESPACE", "team-a")
    return server


@pytest.fixture
def real_run(server: Kfp) -> Callable[[str], dict]:
    """Have a recorded run on the server, and give its answer."""

    def put(name: str) -> dict:
        reference = {"pipeline_id": "pipeline-1", "pipeline_version_id": "version-1"}
        server.versions = [reference | {"pipeline_spec": recorded_pipeline()}]
        server.runs = [recorded(name) | {"run_id": "run-1", "pipeline_version_reference": reference}]
        return server.runs[0]

    return put


@pytest.fixture
def recorded_package(tmp_path: Path) -> Path:
    """The pipeline of the recorded runs as a compiled file; today's graph may be another one."""
    path = tmp_path / "recorded.yaml"
    path.write_text(json.dumps(recorded_pipeline()), encoding="utf-8")
    return path


def _find_prism() -> list[str] | None:
    if shutil.which("prism"):
        return ["prism"]
    if shutil.which("npx"):
        command = ["npx", "--no-install", "prism"]
        if subprocess.run([*command, "--version"], capture_output=True).returncode == 0:
            return command
    return None


def _with_log_route(swagger: dict) -> dict:
    """The one route that the backend has beside its published API: it streams text, which gRPC cannot."""
    parameters = [{"name": name, "in": "path", "required": True, "type": "string"} for name in ("run_id", "node_id")]
    swagger["paths"][LOG_ROUTE] = {
        "get": {
            "parameters": parameters,
            "produces": ["text/plain"],
            "responses": {"200": {"description": "The log.", "schema": {"type": "string"}}},
        }
    }
    return swagger


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"Prism did not start:\n{log.read_text()}")
