"""Preparing published intent data sets: only where they lie beside the checkout."""

from pathlib import Path

import pytest

from spectral_distill.core.settings import PreparationOptions
from spectral_distill.data.dataset import NO_LABEL, load_intents
from spectral_distill.data.preparing import prepare
from spectral_distill.data.sources import data_version
from tests.support.checkout import SHARED

DATA = SHARED / "data"
pytestmark = pytest.mark.shared


def prepared(tmp_path: Path, name: str, label_column: str, out_of_scope: str = ""):
    source, strangers = str(DATA / name), str(DATA / name / out_of_scope) if out_of_scope else ""
    card = prepare(
        data=source, data_version=data_version(source), out_of_scope_data=strangers,
        out_of_scope_version=data_version(strangers), unlabelled_data="", unlabelled_version="",
        options=PreparationOptions(data_label_column=label_column), target=tmp_path / "prepared",
    )  # fmt: skip
    return load_intents(tmp_path / "prepared"), card.model_dump()


def test_banking77_keeps_its_test_texts_and_gets_a_validation_split(tmp_path: Path):
    data, card = prepared(tmp_path, "banking77", "category")
    assert len(data["test"]) == 3080
    assert len(card["labels"]) == 77
    assert card["cleaning"]["splits_made"] == ["validation"]
    removed = sum(card["cleaning"][kind]["train"] for kind in ("duplicates_removed", "leaks_removed"))
    assert (
        len(data["train"]) + len(data["validation"])
        == 10003 - removed - card["cleaning"]["conflicting_labels_removed"]["train"]["texts"]
    )


def test_clinc150_reads_jsonl_with_all_splits_and_out_of_scope_texts(tmp_path: Path):
    data, card = prepared(tmp_path, "clinc150", "intent", "oos_test.jsonl")
    assert (len(data["test"]), len(card["labels"])) == (4500, 150)
    assert set(data["out_of_scope"]["label"]) == {NO_LABEL}
    assert len(data["out_of_scope"]) + card["cleaning"]["out_of_scope_removed"] == 1000


def test_snips_reads_csv_with_all_splits(tmp_path: Path):
    data, card = prepared(tmp_path, "snips", "intent")
    assert (len(data["test"]), len(card["labels"])) == (700, 7)
    assert card["cleaning"]["splits_made"] == []
