"""The build's check of what is left: it must fail where a task would."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

CHECK = ROOT / "containers/check.py"


def check(project: Path, source: str) -> subprocess.CompletedProcess[str]:
    (project / "package").mkdir()
    (project / "package/__init__.py").write_text("HERE = 1\n")
    (project / "package/module.py").write_text(source)
    return subprocess.run([sys.executable, CHECK, project], capture_output=True, text=True, timeout=300)


def test_what_is_there_passes(tmp_path: Path):
    done = check(tmp_path, "from . import HERE\n\ndef function():\n    from package.module import function\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("checked 2 imports and ")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import no_such_package\n", "No module named 'no_such_package'"),
        ("def function():\n    import json.no_such_module\n", "No module named 'json.no_such_module'"),
        ("def function():\n    from json import no_such_name\n", "cannot import name 'no_such_name'"),
    ],
)
def test_what_is_missing_fails_also_where_only_a_function_imports_it(tmp_path: Path, source: str, error: str):
    done = check(tmp_path, source)
    assert done.returncode != 0
    assert error in done.stderr
