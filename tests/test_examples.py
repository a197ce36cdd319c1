"""The notebook runs from its first cell to its last, and needs only what the library brings."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

NOTEBOOK = ROOT / "examples" / "quickstart.ipynb"
FINISH = """
import sys
from pathlib import Path
assert Path("report.html").stat().st_size > 10_000
assert len(comparison.leaderboard) == 2
assert evaluation.scores.agreement > 0.1
again = sd.load_classifier("student")
assert again.labels == teacher.labels
assert again.description == students[0].description
for wrong in (
    lambda: sd.evaluate(teacher, teacher, data),
    lambda: sd.profile(teacher, []),
    lambda: sd.compare([], teacher, data),
):
    try:
        wrong()
    except sd.UserError as error:
        assert "expected" in str(error)
    else:
        raise AssertionError("bad input was accepted")
assert not {"kfp", "mlflow", "docker"} & set(sys.modules)
"""


@pytest.mark.slow
def test_the_quickstart_notebook_runs(tmp_path: Path):
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    script = tmp_path / "quickstart.py"
    script.write_text(code + FINISH, encoding="utf-8")
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_importing_the_library_loads_no_model_library():
    code = "import sys, spectral_distill as sd; assert 'torch' not in sys.modules; print(len(dir(sd)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(done.stdout) >= 12
