"""A KFP API server's state and manners over HTTP: what the 2.17 backend keeps and answers, and every request it got.

It runs no pods: tests say what a run comes to. What it does not know it answers as the backend does, with a
`google.rpc.Status`.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

API = "/apis/v2beta1"
NOW = "2026-01-31T03:00:00Z"
WORKFLOW = "spectral-distill-x7"
NEVER = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Request:
    """What came in: `query` has the last value of each name, `json` is None for other bodies."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body[:1] == b"{" else None

    @property
    def file(self) -> bytes:
        """The file of an upload."""
        message = BytesParser(EmailMessage).parsebytes(
            b"Content-Type: " + self.headers["content-type"].encode() + b"\r\n\r\n" + self.body
        )
        return next(part.get_payload(decode=True) for part in message.walk() if part.get_filename())


class Status(Exception):
    """An error that the server answers."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


@dataclass
class Kfp:
    """The server's state; tests read `requests` and prepare `progress` and `logs`."""

    pipelines: list[dict] = field(default_factory=list)
    versions: list[dict] = field(default_factory=list)
    experiments: list[dict] = field(default_factory=list)
    runs: list[dict] = field(default_factory=list)
    recurring_runs: list[dict] = field(default_factory=list)
    progress: list[tuple[str, list[dict]]] = field(default_factory=list)
    """(state, tasks) of a run, one for each time that it is asked for; the last one stays."""
    logs: dict[str, str] = field(default_factory=dict)
    """What each pod printed."""
    ui: bool = False
    """Whether the UI's server answers, which passes on to the API server only what it knows."""
    metadata: dict[str, bytes] = field(default_factory=dict)
    """What ML Metadata answers to each method, behind the UI's server."""
    objects: dict[str, str] = field(default_factory=dict)
    """What lies in the object store, by `source/bucket/key`; the UI's server reads it."""
    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], tuple[int, str, str] | None] = lambda request: None
    """What to answer instead of all of this: (status, content type, body), or None."""

    def sent(self, method: str, path: str) -> list[Request]:
        """Requests to a path below the API's root."""
        return [one for one in self.requests if (one.method, one.path) == (method, API + path)]

    def handle(self, request: Request) -> Any:
        if self.ui:
            for method, pattern, action in UI_ROUTES:
                found = re.fullmatch(pattern, request.path)
                if request.method == method and found:
                    return action(self, request, *found.groups())
            if not request.path.startswith(API):
                return Page(INDEX)
        for method, pattern, action in ROUTES:
            found = re.fullmatch(pattern, request.path)
            if request.method == method and found:
                return action(self, request, *found.groups())
        raise Status(404, f"Not Found: {request.path}")

    def healthz(self, request: Request) -> dict:
        return {"multi_user": False}

    def create_pipeline(self, request: Request) -> dict:
        made = {"pipeline_id": f"pipeline-{len(self.pipelines) + 1}", "created_at": NOW, **request.json}
        self.pipelines.append(made)
        return made

    def list_pipelines(self, request: Request) -> dict:
        return page("pipelines", self.pipelines, request)

    def upload_version(self, request: Request) -> dict:
        made = {
            "pipeline_id": request.query["pipelineid"],
            "pipeline_version_id": f"version-{len(self.versions) + 1}",
            "display_name": request.query["name"],
            "description": request.query.get("description", ""),
            "created_at": NOW,
            "pipeline_spec": as_the_api_hands_out(request.file),
        }
        self.versions.append(made)
        return made

    def list_versions(self, request: Request, pipeline: str) -> dict:
        return page("pipeline_versions", [one for one in self.versions if one["pipeline_id"] == pipeline], request)

    def get_version(self, request: Request, pipeline: str, version: str) -> dict:
        return one_of(self.versions, "pipeline_version_id", version)

    def create_experiment(self, request: Request) -> dict:
        made = {"experiment_id": f"experiment-{len(self.experiments) + 1}", "created_at": NOW, **request.json}
        self.experiments.append(made)
        return made

    def list_experiments(self, request: Request) -> dict:
        return page("experiments", self.experiments, request)

    def create_run(self, request: Request) -> dict:
        one_of(self.versions, "pipeline_version_id", request.json["pipeline_version_reference"]["pipeline_version_id"])
        made = {"run_id": f"run-{len(self.runs) + 1}", "state": "PENDING", "created_at": NOW, "finished_at": NEVER}
        self.runs.append(request.json | made)
        return self.runs[-1]

    def list_runs(self, request: Request) -> dict:
        wanted = request.query.get("experiment_id")
        return page("runs", [run for run in self.runs if wanted in (None, run["experiment_id"])], request)

    def get_run(self, request: Request, run_id: str) -> dict:
        run = one_of(self.runs, "run_id", run_id)
        if self.progress:
            state, tasks = self.progress.pop(0) if len(self.progress) > 1 else self.progress[0]
            ended = state in ("SUCCEEDED", "FAILED", "CANCELED")
            run |= {
                "state": state,
                "finished_at": clock(600) if ended else NEVER,
                "run_details": {"task_details": tasks},
            }
        return run

    def terminate_run(self, request: Request, run_id: str) -> dict:
        one_of(self.runs, "run_id", run_id)["state"] = "CANCELING"
        return {}

    def create_recurring_run(self, request: Request) -> dict:
        made = {
            "recurring_run_id": f"recurring-{len(self.recurring_runs) + 1}",
            "created_at": NOW,
            "status": f"{request.json['mode']}D",
            **request.json,
        }
        self.recurring_runs.append(made)
        return made

    def list_recurring_runs(self, request: Request) -> dict:
        return page("recurringRuns", self.recurring_runs, request)

    def get_recurring_run(self, request: Request, recurring_run: str) -> dict:
        return one_of(self.recurring_runs, "recurring_run_id", recurring_run)

    def switch_recurring_run(self, request: Request, recurring_run: str, mode: str) -> dict:
        one_of(self.recurring_runs, "recurring_run_id", recurring_run)["status"] = f"{mode.upper()}D"
        return {}

    def delete_recurring_run(self, request: Request, recurring_run: str) -> dict:
        self.recurring_runs.remove(one_of(self.recurring_runs, "recurring_run_id", recurring_run))
        return {}

    def read_log(self, request: Request, run_id: str, pod: str) -> str:
        if pod not in self.logs:  # with status 200, as recorded
            why = f'Failed to read logs for run {run_id}: pods "{pod}" not found'
            return json.dumps({"error_message": f"BadRequestError: {why}", "error_details": why})
        return self.logs[pod]

    def read_log_at_the_ui(self, request: Request) -> str:
        pod = request.query["podname"]
        if pod not in self.logs:
            raise Status(500, f"Could not get main container logs: Error: {pod} not found")
        return self.logs[pod]

    def ask_metadata(self, request: Request, method: str) -> bytes:
        if method not in self.metadata:
            raise Status(503, "no healthy upstream")
        answer = self.metadata[method]
        trailer = b"grpc-status:0\r\n"
        return b"\0" + len(answer).to_bytes(4, "big") + answer + b"\x80" + len(trailer).to_bytes(4, "big") + trailer

    def read_object(self, request: Request) -> str:
        place = "/".join(request.query[name] for name in ("source", "bucket", "key"))
        if place not in self.objects:
            raise Status(500, f"Failed to get object in bucket: {place}")
        return self.objects[place]


class Page(str):
    """A page for people."""


INDEX = "<!doctype html><html><title>Kubeflow Pipelines</title></html>"
UI_ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", "/k8s/pod/logs", Kfp.read_log_at_the_ui),
    ("POST", "/ml_metadata.MetadataStoreService/([A-Za-z]+)", Kfp.ask_metadata),
    ("GET", "/artifacts/get", Kfp.read_object),
]
ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", f"{API}/healthz", Kfp.healthz),
    ("POST", f"{API}/pipelines", Kfp.create_pipeline),
    ("GET", f"{API}/pipelines", Kfp.list_pipelines),
    ("POST", f"{API}/pipelines/upload_version", Kfp.upload_version),
    ("GET", f"{API}/pipelines/([^/]+)/versions", Kfp.list_versions),
    ("GET", f"{API}/pipelines/([^/]+)/versions/([^/]+)", Kfp.get_version),
    ("POST", f"{API}/experiments", Kfp.create_experiment),
    ("GET", f"{API}/experiments", Kfp.list_experiments),
    ("POST", f"{API}/runs", Kfp.create_run),
    ("GET", f"{API}/runs", Kfp.list_runs),
    ("GET", f"{API}/runs/([^/:]+)", Kfp.get_run),
    ("POST", f"{API}/runs/([^/:]+):terminate", Kfp.terminate_run),
    ("POST", f"{API}/recurringruns", Kfp.create_recurring_run),
    ("GET", f"{API}/recurringruns", Kfp.list_recurring_runs),
    ("GET", f"{API}/recurringruns/([^/:]+)", Kfp.get_recurring_run),
    ("POST", f"{API}/recurringruns/([^/:]+):(enable|disable)", Kfp.switch_recurring_run),
    ("DELETE", f"{API}/recurringruns/([^/:]+)", Kfp.delete_recurring_run),
    ("GET", "/apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log", Kfp.read_log),
]


def page(name: str, items: list[dict], request: Request) -> dict:
    """The page that was asked for, of the items that pass the filter."""
    for predicate in json.loads(request.query.get("filter") or "{}").get("predicates", []):
        value = predicate.get("string_value", predicate.get("stringValue"))
        assert predicate["operation"] in ("EQUALS", 1)
        items = [item for item in items if item.get(predicate["key"]) == value]
    start, size = int(request.query.get("page_token") or 0), int(request.query.get("page_size", 20))
    rest = {"next_page_token": str(start + size)} if start + size < len(items) else {}
    return {name: items[start : start + size], "total_size": len(items), **rest}


def one_of(items: list[dict], key: str, value: str) -> dict:
    for item in items:
        if item[key] == value:
            return item
    raise Status(404, f"ResourceNotFoundError: {key} {value} not found.")


def as_the_api_hands_out(package: bytes) -> dict:
    """A pipeline's IR, beside its platform's where the file has one."""
    spec, *platform = yaml.safe_load_all(package)
    return {"pipeline_spec": spec, "platform_spec": platform[0]} if platform else spec


def clock(seconds: int) -> str:
    return f"2026-01-31T{3 + seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"


def task(name: str, state: str | None, start: int = 0, end: int = 0, nodes: tuple[str, ...] = ()) -> dict:
    """A task as the backend tells of it: a node of the Argo workflow, its children by node, no pod of its own."""
    return {
        "display_name": name,
        **({"state": state} if state else {}),
        "create_time": NOW,
        "start_time": clock(start),
        "end_time": clock(end) if end else "0001-01-01T00:00:00Z",
        "child_tasks": [{"pod_name": node} for node in nodes],
    }


def ran(path: str, state: str, start: int = 0, end: int = 0, *, attempts: int = 1) -> list[dict]:
    """A step whose container ran, as the backend tells of it: the Workflow around it, itself, and its executor.

    Args:
        path: The nodes from the root group's to the step's, `root.exit-handler-1.prepare-data` for one.
        state: The step's and its executor's.
        start: Seconds from the run's start.
        end: Likewise; 0 before the end.
        attempts: Pods of its executor.
    """
    node, name = _node(path), path.rpartition(".")[2]
    executors = tuple(node_id(f"{node}(0).executor({attempt})") for attempt in range(attempts))
    return [
        _AROUND,
        task(name, state, start, end, (node_id(f"{node}(0)"),)),
        task("executor", state, start, end, executors),
    ]


def driven(path: str, state: str, start: int = 0, end: int = 0) -> list[dict]:
    """A step's driver, likewise."""
    node, name = f"{_node(path)}-driver", path.rpartition(".")[2]
    return [_AROUND, task(f"{name}-driver", state, start, end, (node_id(f"{node}(0)"),))]


def pod(path: str, attempt: int = 0) -> str:
    """The pod of a step's container."""
    return node_id(f"{_node(path)}(0).executor({attempt})", "retry-system-container-impl")


def driver_pod(path: str) -> str:
    """The pod of a step's driver."""
    return node_id(f"{_node(path)}-driver(0)", "system-container-driver")


def item(index: int) -> str:
    """The nodes of a loop over candidates from its own to that of one item."""
    return f"for-loop-2.iteration-iterations({index}:{index}).iteration-item"


def _node(path: str) -> str:
    return ".".join([f"{WORKFLOW}(0)", path.replace(".", "(0).")])


def node_id(name: str, template: str = "") -> str:
    """Argo's id of a node; with a template, its pod: the Workflow's name and 32-bit FNV-1a of the node's name."""
    digest = 2166136261
    for byte in name.encode():
        digest = (digest ^ byte) * 16777619 % 2**32
    return "-".join(filter(None, (WORKFLOW, template, str(digest))))


_AROUND = task(WORKFLOW, "RUNNING", 0, 0, (node_id(f"{WORKFLOW}(0)"),))


@contextmanager
def serving(kfp: Kfp) -> Iterator[ThreadingHTTPServer]:
    """Serve on a free port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            request = Request(
                method=self.command,
                path=address.path,
                query={name: values[-1] for name, values in parse_qs(address.query, keep_blank_values=True).items()},
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            )
            kfp.requests.append(request)
            self._write(*(kfp.answer(request) or self._answer(request)))

        do_POST = do_DELETE = do_GET

        def _answer(self, request: Request) -> tuple[int, str, str | bytes]:
            try:
                found = kfp.handle(request)
            except Status as status:
                return status.status, "application/json", json.dumps({"code": 2, "message": str(status)})
            if isinstance(found, bytes):
                return 200, "application/grpc-web+proto", found
            if isinstance(found, str):
                return 200, "text/html" if isinstance(found, Page) else "text/plain", found
            return 200, "application/json", json.dumps(found)

        def _write(self, status: int, content_type: str, content: str | bytes) -> None:
            body = content.encode() if isinstance(content, str) else content
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *values: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
