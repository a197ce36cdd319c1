"""The version of a compiled pipeline: a name for what it says."""

from pathlib import Path

import pytest

from pipeline.cluster.pipelines import read_package
from tests.support.checkout import COMMITTED


@pytest.fixture
def changed(tmp_path: Path):
    def change(old: str, new: str) -> str:
        text = COMMITTED.read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / "pipeline.yaml"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return read_package(str(path)).version

    return change


def test_comments_make_no_new_version(changed):
    """KFP lists the defaults in comments, in another order at every compilation."""
    assert changed("# Inputs:", "# Inputs, in some order:") == read_package(str(COMMITTED)).version


@pytest.mark.parametrize(
    ("old", "new"),
    [("image: spectral-distill-python:0.1.0", "image: other:1"), ("maxRetryCount: 2", "maxRetryCount: 3")],
)
def test_whatever_it_says_does(changed, old: str, new: str):
    assert changed(old, new) != read_package(str(COMMITTED)).version
