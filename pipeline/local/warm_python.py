"""A Python with its imports done: local tasks start in a tenth of a second instead of several.

`kfp.local` starts every task as a new interpreter, which imports torch, transformers and MLflow before it works. Here
one server process imports them once and forks for each task. kfp starts a launcher in place of the interpreter; it
passes its arguments, environment and streams to the server and exits with the task's exit code. Tasks end with the run:
when the process that started the server ends, for whatever reason, the server ends with all its tasks.

This works only on Linux, where forking after such imports is sound; on other systems kfp starts tasks as usual.

`multiprocessing`'s forkserver with preload does not suffice. kfp starts a task as a shell command that runs `python`,
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
"""A shell script that runs itself again with Python, because the path in a `#!` line cannot contain a blank."""


@contextmanager
def warm_python(modules: Sequence[str], environment: Mapping[str, str]) -> Iterator[str]:
    """Start the server, and stop it when the block ends.

    Args:
        modules: Modules to import, in this order. Tasks may start while the later ones are still being imported.
        environment: Variables for these imports, beside those of this process. A task has the variables that kfp gives
            it.

    Yields:
        Path of the interpreter to start tasks with. On systems other than Linux, and if the path of the temporary
        folder is too long for a socket, it is `sys.executable`, which has imported nothing.
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
        except OSError:  # the path is too long for a socket
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
    """Import the modules and fork for each connection; end with all tasks when standard input ends.

    A task that comes before the last import starts with the modules that are there, and works while the rest is
    imported.
    """
    gc.disable()  # imports leave little garbage, and each collection would traverse everything imported
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
    """Fork again for the task itself, and send its exit code to the launcher."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, _, _ = socket.recv_fds(connection, 8, 3)
    request = b""
    while len(request) < int.from_bytes(size, "big"):
        request += connection.recv(1 << 16)
    task = os.fork()
    if task == 0:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        gc.freeze()  # imported objects stay: the task collects only its own garbage
        gc.enable()
        _run(**json.loads(request))
    _, status = os.waitpid(task, 0)
    code = os.waitstatus_to_exitcode(status)
    connection.sendall(str(code if code >= 0 else 128 - code).encode())
    os._exit(0)


def _run(arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """Do in this process what `python -m module arguments` does."""
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
