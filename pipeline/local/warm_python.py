"""A Python that has done its imports: local tasks start in a tenth of a second instead of several.

`kfp.local` starts every task as a new interpreter, which imports torch, transformers and MLflow before it works. Here
one server process imports them once and forks for each task. What kfp takes for the interpreter is a launcher that
hands its arguments, environment and streams to the server and exits as the task did. Tasks end with the run: when the
process that started the server goes, however it goes, the server takes them along.

Only on Linux, where forking after such imports is sound; elsewhere tasks start as kfp starts them.

`multiprocessing`'s forkserver with preload does not do this. kfp starts a task as a shell command that runs `python`,
not as a function. The forkserver imports everything before it starts the first task, has the environment of the process
that asks for it (libraries read theirs at import), and leaves its children running when that process is killed.
"""

import gc
import importlib
import json
import os
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_LAUNCHER = """#!/bin/sh
'''exec' {python} -IS "$0" "$@"
' '''
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
request = json.dumps({{"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}).encode()
socket.send_fds(server, [len(request).to_bytes(8, "big")], [0, 1, 2])
server.sendall(request)
sys.exit(int(server.recv(8) or b"1"))
"""
"""A script of the shell, whose first command starts it again as Python's: a `#!` line takes no path with a blank."""


@contextmanager
def warm_python(modules: Sequence[str], environment: Mapping[str, str]) -> Iterator[str]:
    """An interpreter to start tasks with while the block lasts.

    Args:
        modules: What it has imported when it starts; while they are being imported, the first of them.
        environment: Variables that these imports find beside the process's own. A task has those that it is given.

    Yields:
        The path of the interpreter. It is `sys.executable`, which has nothing imported, on other systems than Linux and
        where the path of the temporary folder is too long for a socket.
    """
    if sys.platform != "linux":
        yield sys.executable
        return
    with tempfile.TemporaryDirectory() as folder:
        address, launcher = f"{folder}/server", Path(folder) / "python"
        launcher.write_text(_LAUNCHER.format(python=shlex.quote(sys.executable), address=address), encoding="utf-8")
        launcher.chmod(0o700)
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(address)
        except OSError:  # the system takes no such long path
            listener.close()
            yield sys.executable
            return
        listener.listen()
        command = [sys.executable, "-m", __name__, str(listener.fileno()), *modules]
        # The server reads its standard input for as long as this process lives.
        server = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=sys.stdout,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
        listener.close()
        try:
            yield str(launcher)
        finally:
            server.communicate()


def _serve(listener: socket.socket, modules: Sequence[str]) -> None:
    """Import, and fork for each connection; end, with all tasks, when standard input does.

    A task that comes before the last import starts with what there is: it works while the rest is imported.
    """
    gc.disable()  # imports leave little garbage, and each look for it goes through all that was imported
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the system
    missing = list(modules)
    while True:
        if missing:
            importlib.import_module(missing.pop(0))
        ready, _, _ = select.select([listener, sys.stdin], [], [], 0 if missing else None)
        if sys.stdin in ready:
            os.killpg(0, signal.SIGKILL)
        if listener in ready:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _supervise(connection)
            connection.close()


def _supervise(connection: socket.socket) -> None:
    """Fork once more, for the task itself, and tell the launcher how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, _, _ = socket.recv_fds(connection, 8, 3)
    request = b""
    while len(request) < int.from_bytes(size, "big"):
        request += connection.recv(1 << 16)
    task = os.fork()
    if task == 0:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        gc.freeze()  # what was imported stays: the task looks for garbage of its own only
        gc.enable()
        _run(**json.loads(request))
    _, status = os.waitpid(task, 0)
    code = os.waitstatus_to_exitcode(status)
    connection.sendall(str(code if code >= 0 else 128 - code).encode())
    os._exit(0)


def _run(arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """What `python -m module arguments` does, in this process."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    flag, module, *rest = arguments
    assert flag == "-m", f"expected python -m module, found {arguments}"
    sys.argv = [module, *rest]
    code = 1
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
