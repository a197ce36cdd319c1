"""Task handlers for kfp.local: kfp's own, with another interpreter, environment and exit codes.

kfp.local 2.17 has no public way to add a task handler. `task_dispatcher.run_single_task_implementation` looks handlers
up by the exact class of the runner, in a table that it builds for each task from the names in kfp's modules: a runner
of a subclass raises `KeyError`. During a run, our handlers therefore replace kfp's under these names.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def replaced(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    """Replace a name in a module of kfp within the block.

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
    """Run the tasks of a `SubprocessRunner` in another interpreter, with further variables, within the block.

    kfp's own handler uses `sys.executable`, and gives tasks only the environment of the whole process.

    Args:
        python: Path of the interpreter.
        environment: Variables of the tasks, beside those of this process.
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
    """Give a task of a `DockerRunner` the exit status of its container, within the block.

    kfp's own handler has Docker remove the container when it ends. If the container is gone before the handler asks for
    its exit status, the handler reports success.
    """
    from kfp.local import docker_task_handler

    with replaced(docker_task_handler, "run_docker_container", _run_container):
        yield


def _run_container(client: Any, image: str, command: list[str], volumes: dict[str, Any], **arguments: Any) -> int:
    """Run a container and return its exit code. The container is removed, even if this process is stopped."""
    container = client.containers.run(image, command, volumes=volumes, detach=True, **arguments)
    try:
        for line in container.logs(stream=True):
            print(line.decode(errors="replace"), end="")
        return int(container.wait()["StatusCode"])
    finally:
        container.remove(force=True)
