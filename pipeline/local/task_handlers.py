"""What kfp.local runs tasks with: its own handlers, but for the interpreter, environment and exit codes.

kfp.local 2.17 has no public way to bring a handler of one's own. `task_dispatcher.run_single_task_implementation` looks
handlers up by the exact class of the runner, in a table that it builds for each task from the names in kfp's modules: a
runner of a subclass raises `KeyError`. So for the length of a run ours stand under those names.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def replaced(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    """Within, a module of kfp has `value` under this name.

    Args:
        module: The module that kfp looks the name up in.
        name: A name that the module has.
        value: What kfp finds instead.
    """
    original = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, original)


@contextmanager
def subprocess_tasks(python: str, environment: Mapping[str, str]) -> Iterator[None]:
    """Within, the tasks of a `SubprocessRunner` run in this interpreter, with these variables beside the process's own.

    kfp's own handler takes `sys.executable`, and gives tasks the environment of the whole process and no other.
    """
    from kfp.local import status, subprocess_task_handler

    class Handler(subprocess_task_handler.SubprocessTaskHandler):  # type: ignore[misc]  # kfp has no types
        def run(self) -> status.Status:
            command = subprocess_task_handler.replace_python_executable(self.full_command, python)
            code = subprocess_task_handler.run_local_subprocess(command, {**environment, **self.env_vars})
            return status.Status.FAILURE if code else status.Status.SUCCESS

    with replaced(subprocess_task_handler, "SubprocessTaskHandler", Handler):
        yield


@contextmanager
def docker_tasks() -> Iterator[None]:
    """Within, a task of a `DockerRunner` ends as its container did.

    kfp's own handler has Docker remove the container, and takes one that is gone before it asks how it ended for a
    success.
    """
    from kfp.local import docker_task_handler

    with replaced(docker_task_handler, "run_docker_container", _run_container):
        yield


def _run_container(client: Any, image: str, command: list[str], volumes: dict[str, Any], **arguments: Any) -> int:
    """The exit code of a container, which is gone afterwards: also where this process is stopped."""
    container = client.containers.run(image, command, volumes=volumes, detach=True, **arguments)
    try:
        for line in container.logs(stream=True):
            print(line.decode(errors="replace"), end="")
        return int(container.wait()["StatusCode"])
    finally:
        container.remove(force=True)
