"""Artifacts on disk: what comes back, and what is refused in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import LatencyOptions
from spectral_distill.storage.artifacts import Artifact, SparseRecord


class Measured(SparseRecord):
    score: float | None = None


class Note(Artifact):
    KIND: ClassVar[str] = "note"
    FILE: ClassVar[str] = "note.json"

    schema_version: Literal[3] = 3
    words: list[str]
    weights: dict[str, float]
    pair: tuple[int, float] | None
    measured: Measured = Measured()
    settings: LatencyOptions = LatencyOptions()


finite = st.floats(allow_nan=False, allow_infinity=False)
notes = st.builds(
    Note,
    words=st.lists(st.text()),
    weights=st.dictionaries(st.text(), finite),
    pair=st.none() | st.tuples(st.integers(), finite),
    measured=st.builds(Measured, score=st.none() | finite),
    settings=st.builds(LatencyOptions, latency_batches=st.integers(5, 99)),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notes")


@given(note=notes)
def test_what_is_saved_comes_back(note: Note, folder: Path) -> None:
    note.save(folder)
    assert Note.load(str(folder)) == note


def test_the_file_says_its_schema_version_and_leaves_out_what_was_not_measured(tmp_path: Path) -> None:
    Note(words=["é"], weights={}, pair=None).save(tmp_path)
    text = (tmp_path / "note.json").read_text(encoding="utf-8")
    assert json.loads(text) == {
        "schema_version": 3, "words": ["é"], "weights": {}, "pair": None, "measured": {},
        "settings": {"latency_batches": 40},
    }  # fmt: skip
    assert "é" in text
    assert [path.name for path in tmp_path.iterdir()] == ["note.json"]


def refusal(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """What is said of a note that was changed on disk."""
    Note(words=["a"], weights={}, pair=None).save(tmp_path)
    raw = json.loads((tmp_path / "note.json").read_text(encoding="utf-8"))
    change(raw)
    (tmp_path / "note.json").write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(UserError) as error:
        Note.load(tmp_path)
    assert str(error.value).startswith(f"note {tmp_path}/note.json: ")
    return str(error.value).removeprefix(f"note {tmp_path}/note.json: ")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda raw: raw.update(schema_version=4), "schema version 4"),
        (lambda raw: raw.update(schema_version="3"), "schema version 3"),
        (lambda raw: raw.pop("schema_version"), "no schema version"),
    ],
)
def test_another_schema_version_is_refused(tmp_path: Path, change: Any, found: str) -> None:
    told = refusal(tmp_path, change)
    assert told == f"found {found}, expected 3; run the step again with this version of spectral-distill"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda raw: raw.pop("words"), "words"),
        (lambda raw: raw.update(colour="red"), "colour"),
        (lambda raw: raw["measured"].update(rank=1), "measured.rank"),
        (lambda raw: raw.update(words=[7]), "words.0"),
        (lambda raw: raw["settings"].update(latency_batches=0), "latency_batches"),
        (lambda raw: raw["settings"].update(seed=0), "seed"),
    ],
)
def test_missing_unknown_and_wrong_fields_are_named(tmp_path: Path, change: Any, named: str) -> None:
    assert named in refusal(tmp_path, change)


@pytest.mark.parametrize(("text", "found"), [("{", "not valid JSON"), ("[]", "found list")])
def test_what_is_no_object_is_refused(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "note.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=found):
        Note.load(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"note .*/note\.json: no such file; run the step"):
        Note.load(tmp_path)


def test_nothing_holds_nan() -> None:
    with pytest.raises(ValidationError, match="finite"):
        Note(words=[], weights={"a": float("nan")}, pair=None)


def test_an_artifact_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Note(words=[], weights={}, pair=None).pair = (1, 2.0)
