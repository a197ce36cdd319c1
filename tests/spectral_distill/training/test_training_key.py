"""Which code decides a training: editing it trains anew, editing anything else does not."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from spectral_distill.training.cache import DECIDED_BY
from tests.support.checkout import ROOT

PACKAGES = ("spectral_distill", "components", "pipeline")
KEYS = """
import sys
from pathlib import Path
from spectral_distill.core.fingerprint import fingerprint
for edited in ["", *sys.stdin.read().split()]:
    if edited:
        file = Path(edited)
        before = file.read_bytes()
        file.write_bytes(before + b"\\n")
    fingerprint.cache_clear()
    print(fingerprint(*sys.argv[1:]))
    if edited:
        file.write_bytes(before)
"""
DECIDES_NOTHING = [
    "components/distill_student/component.py",
    "components/distill_student/step.py",
    "pipeline/cli/main.py",
    "spectral_distill/comparison/report.css",
    "spectral_distill/comparison/report.html.j2",
    "spectral_distill/core/progress.py",
    "spectral_distill/core/settings.py",
    "spectral_distill/evaluation/scores.py",
    "spectral_distill/spectra/plots.py",
    "spectral_distill/tracking/server.py",
]
DECIDES = [
    "spectral_distill/distillation/losses.py",
    "spectral_distill/models/precision.py",
    "spectral_distill/spectra/transforms.py",
    "spectral_distill/training/trainer.py",
]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """In a copy of the project: the key of its code, as it is (under "") and after editing each of the files."""
    copy = tmp_path_factory.mktemp("project")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    edited = [*DECIDES_NOTHING, *DECIDES]
    ended = subprocess.run(
        [sys.executable, "-c", KEYS, *DECIDED_BY], input="\n".join(edited), capture_output=True, text=True, check=True,
        cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)},
    )  # fmt: skip
    return dict(zip(["", *edited], ended.stdout.split(), strict=True))


@pytest.mark.parametrize("edited", DECIDES_NOTHING)
def test_what_decides_nothing_trains_nothing_anew(edited: str, keys: dict[str, str]):
    assert keys[edited] == keys[""]


@pytest.mark.parametrize("edited", DECIDES)
def test_what_decides_a_training_makes_another(edited: str, keys: dict[str, str]):
    assert keys[edited] != keys[""]


def test_no_mathematics_is_imported_that_the_key_does_not_know():
    """What training code imports belongs to the key, or is of a package whose results the digest holds."""
    imported = {
        module
        for package in ("models", "training", "distillation")
        for file in (ROOT / "spectral_distill" / package).rglob("*.py")
        for module in re.findall(r"^\s*from (spectral_distill\.[\w.]+) import", file.read_text(), flags=re.MULTILINE)
    }
    results_count = [f"spectral_distill.{name}" for name in ("core", "data", "selection", "storage", "tracking")]
    unknown = {module for module in imported if not module.startswith((*DECIDED_BY, *results_count))}
    assert not unknown
    assert "spectral_distill.spectra.transforms" in imported, "the key holds nothing that is not used"
