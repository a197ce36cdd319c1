"""The warm interpreter behaves as the cold one: output, exit codes, environment; it ends with whoever started it."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from pipeline.local.warm_python import warm_python
from tests.support.checkout import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tasks start warm on Linux only")


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the Python path with modules to run as tasks."""
    (tmp_path / "task.py").write_text(
        textwrap.dedent("""
        import os, sys, json
        print("argv", sys.argv[1:], "value", os.environ.get("VALUE"), "folder", os.getcwd())
        print("warm", "wave" in sys.modules, file=sys.stderr)
        if sys.argv[1] == "fault":
            raise ZeroDivisionError("a fault")
        sys.exit(int(sys.argv[1]))
        """)
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def run(python: str, *arguments: str, **others) -> subprocess.CompletedProcess[str]:
    """What kfp.local does with its interpreter."""
    return subprocess.run([python, "-m", "task", *arguments], capture_output=True, text=True, **others)


def test_a_task_has_its_arguments_environment_folder_and_exit_code(tasks: Path) -> None:
    with warm_python(["wave"], {}) as python:
        assert python != sys.executable
        ended = run(python, "3", "two words", env=os.environ | {"VALUE": "7"}, cwd=tasks)
    assert ended.returncode == 3
    assert ended.stdout == f"argv ['3', 'two words'] value 7 folder {tasks}\n"
    assert ended.stderr == "warm True\n"


def test_imports_find_the_given_variables_and_tasks_find_their_own(tasks: Path) -> None:
    (tasks / "reader.py").write_text("import os\nFOUND = os.environ.get('VALUE')\n")
    (tasks / "teller.py").write_text("import os, reader\nprint(reader.FOUND, os.environ.get('VALUE'))\n")
    with warm_python(["reader"], {"VALUE": "of the imports"}) as python:
        ended = subprocess.run([python, "-m", "teller"], capture_output=True, text=True, check=True)
    assert ended.stdout == "of the imports None\n"
    assert "VALUE" not in os.environ


def test_the_interpreter_may_lie_below_a_folder_with_blanks(tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tasks / "an interpreter's folder" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("PYTHONPATH", f"{tasks}{os.pathsep}{ROOT}")
    with warm_python(["wave"], {}) as launcher:
        ended = run(launcher, "3", "two words")
    assert ended.returncode == 3
    assert ended.stdout.startswith("argv ['3', 'two words']")
    assert ended.stderr == "warm True\n"


def test_a_fault_keeps_its_traceback(tasks: Path) -> None:
    with warm_python(["wave"], {}) as python:
        ended = run(python, "fault")
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "ZeroDivisionError: a fault" in ended.stderr


def test_tasks_know_nothing_of_each_other(tasks: Path) -> None:
    with warm_python(["wave"], {}) as python:
        first = run(python, "0", env=os.environ | {"VALUE": "1"})
        second = run(python, "0", env={name: value for name, value in os.environ.items() if name != "VALUE"})
    assert "value 1" in first.stdout
    assert "value None" in second.stdout


def test_tasks_end_when_the_run_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sleeper.py").write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)\n")
    (tmp_path / "starter.py").write_text(
        "import subprocess\nfrom pipeline.local.warm_python import warm_python\n"
        "with warm_python(['wave'], {}) as python:\n    subprocess.run([python, '-m', 'sleeper'])\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    with subprocess.Popen([sys.executable, "-m", "starter"], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        sleeper = int(starter.stdout.readline())
        starter.send_signal(signal.SIGKILL)
        starter.wait()
        deadline = time.monotonic() + 30
        while is_running(sleeper) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not is_running(sleeper)


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or while it was read
        return False
    return state != "Z"
