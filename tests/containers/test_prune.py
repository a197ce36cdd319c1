"""What the build removes from an environment: on small trees laid out as the wheels of both variants are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

CONTAINERS = ROOT / "containers"
PRUNE = CONTAINERS / "prune.py"
BOTH = ("torch/__init__.py", "torch/lib/libtorch_cpu.so", "torch/bin/torch_shm_manager", "torch/testing/__init__.py",
        "pandas/core/api.py", "numpy/testing/__init__.py", "mlflow/server/handlers.py", "mlflow/store/db/utils.py",
        "pyarrow/libarrow.so.2500", "pyarrow/libarrow_substrait.so.2500", "botocore/data/endpoints.json",
        "botocore/data/s3/2006-03-01/service-2.json.gz", "botocore/data/sts/2011-06-15/service-2.json.gz")  # fmt: skip
CPU = ("torch/lib/libtorch_python.so",)
CUDA = ("torch/lib/libtorch_cuda.so", "nvidia/cu13/lib/libcusolver.so.12", "nvidia/cu13/lib/libnvrtc.so.13",
        "nvidia/cu13/lib/libnvrtc-builtins.so.13.0", "nvidia/nccl/lib/libnccl.so.2")  # fmt: skip
BOTH_UNUSED = ("torch/include/torch/script.h", "pandas/tests/frame/test_api.py", "numpy/_core/tests/test_umath.py",
               "numpy/random/lib/libnpyrandom.a", "mlflow/server/js/build/index.html", "pyarrow/_flight.cpython-311.so",
               "pyarrow/libarrow_flight.so.2500", "botocore/data/ec2/2016-11-15/service-2.json.gz")  # fmt: skip
CPU_UNUSED = ("torch/test/test_nn.py", "torch/bin/test_jit", "torch/bin/HashStoreTest", "torch/bin/protoc-3.13.0.0")
CUDA_UNUSED = ("triton/_C/libtriton.so", "triton-3.7.1.dist-info/METADATA", "nvidia/cu13/include/cuda.h",
               "nvidia/cu13/lib/libnvrtc.alt.so.13", "nvidia/cu13/lib/libcusolverMg.so.12",
               "nvidia/cu13/lib/libcudart_static.a", "nvidia/nvshmem/lib/libnvshmem_device.bc")  # fmt: skip


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, PRUNE, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("used", "unused"),
    [(BOTH + CPU, BOTH_UNUSED + CPU_UNUSED), (BOTH + CUDA, BOTH_UNUSED + CUDA_UNUSED), (BOTH + CPU, ()), ((), ())],
    ids=["cpu", "cuda", "nothing to remove", "empty"],
)
def test_what_is_not_used_is_removed_and_what_is_used_stays(
    tmp_path: Path, used: tuple[str, ...], unused: tuple[str, ...]
):
    for name in (*used, *unused):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(100_000))
    done = run(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert files_of(tmp_path) == sorted(used)
    assert done.stdout.splitlines()[-1].split() == [f"{len(unused) / 10:.1f}", "MB", "in", "all"]


def test_a_link_is_removed_and_not_what_it_points_to(tmp_path: Path):
    (tmp_path / "site/torch").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").touch()
    (tmp_path / "site/torch/include").symlink_to(tmp_path / "elsewhere")
    assert run(tmp_path / "site").returncode == 0
    assert files_of(tmp_path) == ["elsewhere/file"]
    assert not (tmp_path / "site/torch/include").is_symlink()


@pytest.mark.parametrize("arguments", [(), ("no-such-folder",), (".", ".")])
def test_a_wrong_call_is_one_line(arguments: tuple[str, ...]):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: prune.py: found ")
    assert len(done.stderr.splitlines()) == 1


def test_the_build_removes_nothing_by_other_means():
    """The variant cuda could not be built because of an `rm` that only the wheels of the variant cpu satisfied."""
    containerfile = (CONTAINERS / "Containerfile").read_text()
    assert re.findall(r"\brm\b|-delete\b", containerfile) == []
    assert "python3 /containers/prune.py /opt/venv/lib/python3.*/site-packages" in containerfile
