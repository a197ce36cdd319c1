"""Remove from an environment what no task uses, and print what each rule frees.

usage: python3 prune.py SITE_PACKAGES

The build runs it on the environment of both variants. A package that is not there is no error.
"""

import shutil
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple


class Rule(NamedTuple):
    """Files and folders to remove, as globs below site-packages, but for the names in `keep`."""

    what: str
    patterns: tuple[str, ...]
    keep: tuple[str, ...] = ()


_WITH_TESTS = (
    *("matplotlib", "mpl_toolkits", "mpmath", "networkx", "numpy", "pandas"),
    *("pyarrow", "scipy", "sklearn", "skops", "statsmodels", "sympy"),
)

RULES = (
    # Compiles GPU kernels while a task runs, for which it needs a C compiler, and the image has none. Where it is
    # installed torch calls it (torch/_native/ops/bmm_outer_product); without it torch takes its own CUDA kernels.
    Rule("Triton", ("triton", "triton-*.dist-info")),
    # No library of torch links to these or opens them (`nvidia.*` holds them only in the variant cuda): a second build
    # of NVRTC, cuSOLVER for several GPUs in one process, and what lets programs that call BLAS or FFTW use CUDA.
    Rule(
        "CUDA libraries that torch does not open",
        tuple(
            f"nvidia/*/lib/{name}.so*"
            for name in ("libnvrtc.alt", "libnvrtc-builtins.alt", "libcusolverMg", "libnvblas", "libcufftw")
        ),
    ),
    # For compilers and linkers, of which the image has none.
    Rule("headers", ("torch/include", "pyarrow/include", "numpy/_core/include", "nvidia/*/include")),
    Rule("static and device libraries", ("nvidia/*/lib/*.a", "nvidia/*/lib/*.bc", "numpy/**/*.a")),
    # The wheels for CPU have them, those for CUDA do not. torch_shm_manager stays: `import torch` looks for it.
    Rule("torch's tests, and protoc", ("torch/test", "torch/bin/test_*", "torch/bin/*Test", "torch/bin/protoc*")),
    Rule("tests of other packages", tuple(f"{package}/**/tests" for package in _WITH_TESTS)),
    # Steps are clients of an MLflow server; none serves its pages.
    Rule("MLflow's web pages", ("mlflow/server/js",)),
    # Arrow's network protocol, which `import pyarrow` does not load.
    Rule("Arrow Flight", ("pyarrow/libarrow_flight.so*", "pyarrow/libarrow_python_flight.so*", "pyarrow/_flight.*")),
    # Descriptions of some 400 services. S3 is what we call; the others are how botocore gets credentials.
    Rule(
        "AWS services other than S3",
        ("botocore/data/*",),
        keep=("*.json", "s3", "sts", "sso", "sso-oidc", "signin"),
    ),
)


def found(rule: Rule, site_packages: Path) -> list[Path]:
    """What a rule would remove from `site_packages`."""
    paths = {path for pattern in rule.patterns for path in site_packages.glob(pattern)}
    return sorted(path for path in paths if not any(fnmatch(path.name, name) for name in rule.keep))


def prune(site_packages: Path) -> Iterator[tuple[str, int]]:
    """Apply all rules.

    Args:
        site_packages: The folder that packages are installed in.

    Yields:
        What a rule removes, and the bytes that this freed.
    """
    for rule in RULES:
        yield rule.what, sum(_remove(path) for path in found(rule, site_packages))


def _remove(path: Path) -> int:
    """Remove a file or a folder; the bytes of its files. One that lies in a folder removed before is none."""
    if path.is_dir() and not path.is_symlink():
        size = sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
        shutil.rmtree(path)
        return size
    if path.is_symlink() or path.exists():
        size = path.lstat().st_size
        path.unlink()
        return size
    return 0


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        given = " ".join(arguments) or "nothing"
        print(f"error: prune.py: found {given}; expected one folder, the environment's site-packages", file=sys.stderr)
        return 2
    total = 0
    for what, size in prune(Path(arguments[0])):
        print(f"{size / 1e6:9.1f} MB  {what}")
        total += size
    print(f"{total / 1e6:9.1f} MB  in all")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
