"""`spectral-distill runs logs` through both addresses, the API server's and the UI's."""

from collections.abc import Callable

import pytest

from tests.pipeline.cluster.command_line import Command
from tests.pipeline.cluster.kfp_server import Kfp, Request, driver_pod, item, pod, ran
from tests.pipeline.cluster.wire import field
from tests.support.recordings import recorded_pipeline

PREPARE = "root.exit-handler-1.prepare-data"
TEACHER = "root.exit-handler-1.train-teacher"
RealRun = Callable[[str], dict]
MINE = "event=step_started step=prepare_data\nerror: data intents.csv: found no column category\n"
FULL = f"""\
I1128 07:40:10.123456       1 launcher_v2.go:67] Setting log level to: '1'
I1128 07:40:10.123456       1 main.go:12] input ComponentSpec:{{
  "executorLabel": "exec-prepare-data"
}}
[KFP Executor 2026-11-28 07:40:12,345 INFO]: Got executor_input:
{{
    "inputs": {{
        "parameterValues": {{}}
    }}
}}
[KFP Executor 2026-11-28 07:40:12,346 WARNING]: a library's warning
{MINE}E1128 07:40:14.000000       1 launcher_v2.go:449] Component failed to execute successfully: exit status 2
F1128 07:40:14.000001       1 main.go:59] failed to execute component: exit status 2
"""


@pytest.fixture(params=["api", "ui"])
def server(server: Kfp, request: pytest.FixtureRequest) -> Kfp:
    """The server behind either address."""
    server.ui = request.param == "ui"
    return server


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def test_a_failed_tasks_own_lines_are_those_of_the_pod_of_its_attempt(server: Kfp, command: Command, real_run: RealRun):
    real_run("failed-task")
    server.logs = {"spectral-distill-f7x6t-retry-system-container-impl-1426709872": FULL}
    answer = command("runs", "logs", "run-1")
    assert answer.out == f"[KFP Executor 2026-11-28 07:40:12,346 WARNING]: a library's warning\n{MINE}"
    assert (answer.code, answer.err) == (0, "==> prepare-data <==\n")
    assert command("runs", "logs", "run-1", "prepare-data", "--all").out == FULL


def test_a_signal_that_ended_the_container_is_told(server: Kfp, command: Command, real_run: RealRun):
    """A step that was killed says nothing itself."""
    real_run("failed-task")
    killed = (
        "E1128 07:40:14.000000       1 launcher_v2.go:449] Component failed to execute successfully: signal: killed\n"
    )
    server.logs = {"spectral-distill-f7x6t-retry-system-container-impl-1426709872": f"epoch 1\n{killed}"}
    assert command("runs", "logs", "run-1").out == f"epoch 1\n{killed}"


def test_every_attempt_is_printed(server: Kfp, command: Command, real_run: RealRun):
    real_run("cached")
    server.progress = [("RUNNING", ran(TEACHER, "RUNNING", 3, attempts=2))]
    server.logs = {pod(TEACHER, attempt): f"attempt {attempt}, ½\n" for attempt in (0, 1)}
    assert command("runs", "logs", "run-1", "train-teacher").out == "attempt 0, ½\nattempt 1, ½\n"


def test_lines_of_a_step_that_are_json_are_no_error_of_the_api(server: Kfp, command: Command, real_run: RealRun):
    real_run("failed-task")
    for text in ('{"error_message": "mine", "error_details": "mine"}\n', '{"error_message": "mine"}\nmore\n'):
        server.logs = {"spectral-distill-f7x6t-retry-system-container-impl-1426709872": text}
        assert command("runs", "logs", "run-1").out == text


def test_a_candidates_log_alone(server: Kfp, command: Command, real_run: RealRun):
    real_run("running")
    server.logs = {
        "spectral-distill-62mdm-retry-system-container-impl-1369253834": "first\n",
        "spectral-distill-62mdm-retry-system-container-impl-4248207398": "second\n",
        "spectral-distill-62mdm-retry-system-container-impl-3317755826": "third\n",
    }
    assert command("runs", "logs", "run-1", "distill-student").out == "first\nsecond\nthird\n"
    answer = command("runs", "logs", "run-1", "distill-student", "--candidate", "uniform-3L-s0")
    assert (answer.out, answer.err) == ("third\n", "==> distill-student uniform-3L-s0 <==\n")


def test_a_task_that_failed_in_its_driver_has_the_drivers_log(server: Kfp, command: Command, real_run: RealRun):
    real_run("failed-driver")
    text = "I1128 07:21:49.0 1 main.go:1] hello\nF1128 07:21:50.000001 1 main.go:127] KFP driver: no such secret\n"
    server.logs = {
        f"spectral-distill-7ss4w-system-container-driver-{digest}": text
        for digest in (3924807175, 505013891, 2421286351)
    }
    answer = command("runs", "logs", "run-1")
    assert answer.out == "KFP driver: no such secret\n" * 3
    assert "==> distill-student uniform-3L-s0 (its driver) <==" in answer.err
    assert command("runs", "logs", "run-1", "--candidate", "uniform-3L-s0", "--all").out == text


def test_a_task_that_is_at_work_is_followed_to_its_end(server: Kfp, command: Command, real_run: RealRun):
    real_run("cached")
    running = ran(TEACHER, "RUNNING", 3)
    ended = ran(TEACHER, "SUCCEEDED", 3, 99)
    grown = ["", "epoch 1\nepo", "epoch 1\nepoch 2\n", "epoch 1\nepoch 2\nepoch 3\n"]
    server.progress = [("RUNNING", [])] * 2 + [("RUNNING", running)] * 3 + [("RUNNING", ended)]

    def answer(request: Request) -> None:
        if request.path.endswith("/log") or request.path == "/k8s/pod/logs":
            server.logs = {pod(TEACHER): grown.pop(0) if len(grown) > 1 else grown[0]}

    server.answer = answer
    assert command("runs", "logs", "run-1", "train-teacher", "--follow").out == "epoch 1\nepoch 2\nepoch 3\n"


def test_following_without_a_task_is_of_those_at_work(server: Kfp, command: Command, real_run: RealRun):
    real_run("cached")
    server.progress = [("RUNNING", ran(TEACHER, "RUNNING", 3)), ("RUNNING", ran(TEACHER, "SUCCEEDED", 3, 99))]
    server.logs = {pod(TEACHER): "epoch 1\n"}
    assert command("runs", "logs", "run-1", "--follow").out == "epoch 1\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train-teacher", "found no log, as its results came from the cache; see the run that made them"),
        ("promote-student", "its pod is gone, and the copy of its log in the pipeline root cannot be read ("),
    ],
)
def test_why_there_is_no_log(server: Kfp, command: Command, real_run: RealRun, name: str, expected: str):
    real_run("cached")
    answer = command("runs", "logs", "run-1", name)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"error: task {name} of run run-1: {expected}")
    assert answer.err.count("\n") == 1


def test_a_task_that_has_not_started_has_no_log(server: Kfp, command: Command, real_run: RealRun):
    real_run("failed-task")
    answer = command("runs", "logs", "run-1", "train-teacher")
    assert "task train-teacher of run run-1: found no log, as it has not started (not started)" in answer.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["prepare-dat"], "found no task prepare-dat; name one of its tasks: resolve-data, prepare-data, "),
        ([], "found no failed task; name one of its tasks: resolve-data, "),
        (["distill-student", "--candidate", "x"], "found no task distill-student of x; name one of its tasks: "),
    ],
)
def test_a_task_that_a_run_does_not_have_is_told_with_those_that_it_has(
    server: Kfp, command: Command, real_run: RealRun, arguments: list[str], expected: str
):
    real_run("cached")
    answer = command("runs", "logs", "run-1", *arguments)
    assert answer.code == 2
    assert f"run run-1: {expected}" in answer.err


def stored(server: Kfp, pod_name: str) -> None:
    """Have ML Metadata and the object store hold the log of a pod that is gone, two attempts of it."""
    name = field(5, field(1, "pod_name") + field(2, field(3, pod_name)))
    session = field(5, field(1, "store_session_info") + field(2, field(3, '{"Provider":"minio"}')))
    event = field(3, field(1, field(2, "executor-logs"))) + field(4, 4)
    other = field(1, 77) + field(3, field(1, field(2, "dataset"))) + field(4, 4)
    root = "minio://mlpipeline/v2/artifacts/spectral-distill/run-1/promote-student/0a"
    server.metadata = {
        "GetContextByTypeAndName": field(1, field(1, 7)),
        "GetExecutionsByContext": field(1, field(1, 30)) + field(1, field(1, 31) + name),
        "GetEventsByExecutionIDs": field(1, other) + b"".join(field(1, field(1, 300 + n) + event) for n in (0, 1)),
        "GetArtifactsByID": b"".join(
            field(1, field(1, 300 + n) + field(3, f"{root}/executor-logs-{n}") + session) for n in (1, 0)
        ),
    }
    key = "minio/mlpipeline/v2/artifacts/spectral-distill/run-1/promote-student/0a/executor-logs"
    server.objects = {f"{key}-{n}": f"attempt {n}\n" for n in (0, 1)}


def test_the_log_of_a_pod_that_is_gone_comes_from_the_pipeline_root(server: Kfp, command: Command, real_run: RealRun):
    real_run("cached")
    stored(server, "spectral-distill-xbbws-retry-system-container-impl-4172946483")
    answer = command("runs", "logs", "run-1", "promote-student")
    if not server.ui:
        assert "only the UI's server can read it; give its address as --endpoint or --ui-endpoint" in answer.err
        return
    assert answer.out == "attempt 0\nattempt 1\n"
    asked = [one for one in server.requests if one.path.endswith("/GetContextByTypeAndName")][-1]
    message = field(1, "system.PipelineRun") + field(2, "run-1")
    assert asked.body == b"\0" + len(message).to_bytes(4, "big") + message
    assert asked.headers["content-type"] == "application/grpc-web+proto"
    assert [one.body[5:] for one in server.requests if one.path.endswith("/GetArtifactsByID")] == [
        field(1, 300) + field(1, 301)
    ]
    read = [one for one in server.requests if one.path == "/artifacts/get"][-1]
    assert read.query["providerInfo"] == '{"Provider":"minio"}'


def test_a_run_that_stored_no_logs_is_told(server: Kfp, command: Command, real_run: RealRun):
    real_run("cached")
    server.ui = True
    stored(server, "another-pod")
    answer = command("runs", "logs", "run-1", "promote-student")
    assert "its pod is gone, and found no copy of its log in the pipeline root" in answer.err


def test_the_namespace_is_told_to_the_uis_server(
    server: Kfp, command: Command, real_run: RealRun, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KF_PIPELINES_NAMESPACE", "team-a")
    real_run("failed-task")
    server.ui = True
    command("runs", "logs", "run-1")
    (asked,) = [one for one in server.requests if one.path == "/k8s/pod/logs"]
    assert (asked.query["podnamespace"], asked.query["runid"]) == ("team-a", "run-1")


def test_the_pods_of_the_helpers_are_those_that_argo_names():
    """What the tests above lean on, against the recordings."""
    assert recorded_pipeline()["root"]["dag"]["tasks"].keys() == {"exit-handler-1", "close-run"}
    assert pod(f"root.exit-handler-1.{item(1)}.distill-student") != pod(
        f"root.exit-handler-1.{item(0)}.distill-student"
    )
    assert driver_pod(PREPARE).startswith("spectral-distill-x7-system-container-driver-")


def test_a_driver_that_was_killed_names_no_error(server: Kfp, command: Command, real_run: RealRun):
    real_run("failed-driver")
    server.logs = {"spectral-distill-7ss4w-system-container-driver-2421286351": "I1128 07:21:49.0 1 main.go:1] hello\n"}
    assert command("runs", "logs", "run-1", "--candidate", "uniform-3L-s0").out == "its log names no error\n"
