"""Check that an environment holds what tasks need: every import of the project, torch's libraries, clients of S3.

usage: python3 check.py PROJECT      (the folder that the project's packages lie in)

The build runs it after prune.py, with the environment's Python. Whatever is missing ends it, and so the build.
"""

import ast
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

DRIVER = "libcuda.so.1"
"""What a GPU node's driver brings: where it is missing, a library that needs it cannot be opened."""


def import_statements(source: Path) -> Iterator[ast.Import | ast.ImportFrom]:
    """All of a file, also those that run only when a function is called or a type checker reads them."""
    for node in ast.walk(ast.parse(source.read_text(), str(source))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node


def check_imports(project: Path) -> int:
    """Run every import statement of a project's sources; how many that were."""
    count = 0
    for source in sorted(project.rglob("*.py")):
        package = ".".join(source.relative_to(project).parent.parts)
        for statement in import_statements(source):
            code = compile(ast.Module([statement], []), str(source), "exec")
            exec(code, {"__package__": package, "__name__": "check"})
            count += 1
    return count


def check_libraries(torch: ModuleType) -> int:
    """Open all of torch's shared libraries, and with them those of CUDA that they link to; how many that were."""
    libraries = sorted(Path(torch.__file__ or "").parent.glob("lib/*.so*"))
    for library in libraries:
        try:
            ctypes.CDLL(str(library))
        except OSError as error:
            if not str(error).startswith(DRIVER):
                raise
    return len(libraries)


def check_calls(torch: ModuleType) -> None:
    """What imports alone do not show: data that a library reads when it is used, and that torch computes."""
    import boto3

    for service in ("s3", "sts", "sso", "sso-oidc", "signin"):
        boto3.client(service, region_name="us-east-1")
    if not torch.equal(torch.eye(2) @ torch.eye(2), torch.eye(2)):
        raise ArithmeticError("torch cannot multiply")


def main(project: str) -> None:
    sys.path.insert(0, project)
    os.environ["HF_HUB_OFFLINE"] = "1"
    imports = check_imports(Path(project))
    import torch

    libraries = check_libraries(torch)
    check_calls(torch)
    print(f"checked {imports} imports and {libraries} libraries of torch {torch.__version__}")


if __name__ == "__main__":
    main(sys.argv[1])
