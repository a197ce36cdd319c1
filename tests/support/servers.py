"""Real servers on loopback: S3, PostgreSQL, MLflow."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from moto.server import ThreadedMotoServer

_PATIENCE_S = 120


@contextmanager
def s3_server() -> Iterator[str]:
    """URL of an S3 server that speaks HTTP and holds nothing.

    What it was given is dropped at the end: all servers of a process hold the same.
    """
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        urllib.request.urlopen(urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
        running.stop()


def s3_environment(url: str) -> dict[str, str]:
    """What points boto3 at the server, and away from files of whoever runs the tests."""
    return {
        "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip


def postgres_binaries() -> Path | None:
    """The folder of `initdb` and `postgres`, where Debian's package puts them or on the PATH."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    found = shutil.which("initdb")
    places += [Path(found).resolve().parent] if found else []
    return next((place for place in places if (place / "initdb").exists()), None)


@contextmanager
def postgres_server(binaries: Path) -> Iterator[str]:
    """URI of an empty database of a server of its own. It never runs as root, which it refuses."""
    folder, port, user = Path(tempfile.mkdtemp(prefix="postgres-")), free_port(), _unprivileged()
    if user is not None:
        shutil.chown(folder, user)
    data = str(folder / "data")
    make = [str(binaries / "initdb"), "--pgdata", data, "--username", "mlflow", "--auth", "trust", "--no-sync"]
    subprocess.run(make, user=user, cwd=folder, check=True, capture_output=True)
    serve = [str(binaries / "postgres"), "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
    serve += ["-c", "unix_socket_directories=", "-c", "fsync=off"]
    with (folder / "log").open("wb") as log, subprocess.Popen(serve, user=user, cwd=folder, stderr=log) as server:
        ready = [str(binaries / "pg_isready"), "--quiet", "--host", "127.0.0.1", "--port", str(port)]
        try:
            _wait(server, lambda: subprocess.run(ready, check=False).returncode == 0)
            yield f"postgresql://mlflow@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # its word for: end now, orderly
    shutil.rmtree(folder)


@dataclass
class MlflowServer:
    """A tracking server that can be killed and started again at the same address."""

    options: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    port: int
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        serve = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*serve, "--workers", "1", *self.options], env=dict(self.environment), stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        _wait(self._process, lambda: _answers(f"{self.url}/health"))

    def kill(self) -> None:
        """With its workers, at once."""
        if self._process is not None:
            _kill(self._process)
            self._process = None


@contextmanager
def model_server(uri: str, environment: Mapping[str, str], log: Path) -> Iterator[str]:
    """URL of `mlflow models serve` for a model."""
    port = free_port()
    serve = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", uri, "--env-manager", "local"]
    serve += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    path = f"{Path(sys.executable).parent}:{environment['PATH']}"  # it looks for `uvicorn` there
    with log.open("wb") as stream:
        process = subprocess.Popen(
            serve, env={**environment, "PATH": path}, stdout=stream, stderr=stream, start_new_session=True
        )
        try:
            _wait(process, lambda: _answers(f"http://127.0.0.1:{port}/ping"))
            yield f"http://127.0.0.1:{port}"
        finally:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """With all processes of its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _unprivileged() -> str | None:
    return "nobody" if os.getuid() == 0 else None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args} did not start")
        time.sleep(0.2)
