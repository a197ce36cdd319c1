"""The `data` artifact: splits on disk, ids, and the card that tells what was done."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from datasets import DatasetDict

from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import PreparationOptions
from spectral_distill.data.card import DataCard
from spectral_distill.data.dataset import (
    NO_LABEL,
    OUT_OF_SCOPE,
    UNLABELLED,
    class_names,
    load_intents,
    transfer_set,
)
from spectral_distill.data.demo import tables
from spectral_distill.data.preparing import prepare
from spectral_distill.storage import uris as storage


def prepared(
    data: Path | str, target: Path, out_of_scope: Path | str = "", unlabelled: Path | str = "", **options: Any
) -> tuple[DatasetDict, dict[str, Any]]:
    """Prepare `data` into `target` and read back what was written."""
    card = prepare(
        data=str(data), data_version=version(data), out_of_scope_data=str(out_of_scope),
        out_of_scope_version=version(out_of_scope), unlabelled_data=str(unlabelled),
        unlabelled_version=version(unlabelled), options=PreparationOptions(**options), target=target,
    )  # fmt: skip
    assert DataCard.load(target) == card
    return load_intents(target), json.loads((target / DataCard.FILE).read_text(encoding="utf-8"))


def version(source: Path | str) -> str:
    if not str(source):
        return ""
    return tables.version(str(source)) if str(source).startswith("demo:") else storage.version(str(source))


def test_one_table_becomes_three_splits_with_class_labels(tiny_csv: Path, tmp_path: Path) -> None:
    data, _ = prepared(tiny_csv, tmp_path / "out")
    assert list(data) == ["train", "validation", "test"]
    assert sum(len(split) for split in data.values()) == 160
    assert class_names(data) == ["cancel", "refund", "track", "upgrade"]
    assert all(split.column_names == ["id", "text", "label"] for split in data.values())


def test_labels_point_at_their_names(tiny_csv: Path, tmp_path: Path) -> None:
    data, _ = prepared(tiny_csv, tmp_path / "out")
    names = class_names(data)
    verbs = {"stop": "cancel", "repay": "refund", "find": "track", "extend": "upgrade"}
    for row in data["train"]:
        for verb, label in verbs.items():
            assert verb not in row["text"].split() or names[row["label"]] == label


def test_ids_are_the_texts_digests(tiny_csv: Path, tmp_path: Path) -> None:
    data, _ = prepared(tiny_csv, tmp_path / "out")
    rows = [row for split in data.values() for row in split]
    assert all(row["id"] == hashlib.sha256(row["text"].encode()).hexdigest()[:16] for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)


def test_the_card_tells_source_settings_and_counts(tiny_csv: Path, tmp_path: Path) -> None:
    data, card = prepared(tiny_csv, tmp_path / "out", data_split_seed=7)
    assert card["source"] == str(tiny_csv)
    assert card["version"] == storage.version(str(tiny_csv))
    assert card["further_sources"] == {}
    assert card["labels"] == class_names(data)
    assert card["settings"] == PreparationOptions(data_split_seed=7).model_dump()
    assert card["cleaning"]["rows_read"] == {"train": 160}
    assert card["cleaning"]["splits_made"] == ["test", "validation"]
    for name, split in data.items():
        told = card["splits"][name]
        assert told["texts"] == len(split) == sum(told["texts_by_label"].values())
        assert told["words_max"] == max(len(text.split()) for text in split["text"])
        assert 0 < told["words_mean"] <= told["words_max"]


def test_the_same_request_writes_the_same_splits(tiny_csv: Path, tmp_path: Path) -> None:
    first, second = prepared(tiny_csv, tmp_path / "a")[0], prepared(tiny_csv, tmp_path / "b")[0]
    other = prepared(tiny_csv, tmp_path / "c", data_split_seed=99)[0]
    assert first["test"]["id"] == second["test"]["id"]
    assert set(first["test"]["id"]) != set(other["test"]["id"])


def test_a_folder_of_splits_keeps_its_test_split(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    rows = "".join(f"{label} {index},{label}\n" for index in range(5) for label in ("lock", "find"))
    (source / "train.csv").write_text("text,label\n" + rows, encoding="utf-8")
    (source / "test.csv").write_text("text,label\nFind 0!,find\nzoo,lock\nzoo,lock\n", encoding="utf-8")
    data, card = prepared(source, tmp_path / "out")
    assert list(data["test"]["text"]) == ["Find 0!", "zoo", "zoo"]
    assert "find 0" not in [*data["train"]["text"], *data["validation"]["text"]]
    assert card["cleaning"]["leaks_removed"] == {"test": 0, "train": 1}


def test_strangers_become_a_split_without_labels_or_overlap(tiny_csv: Path, tmp_path: Path) -> None:
    known = prepared(tiny_csv, tmp_path / "a")[0]["test"]["text"][0]
    strangers = tmp_path / "strangers.csv"
    strangers.write_text(f'text\nsing  me a song\n{known.upper()}!\n" "\nwho won\n', encoding="utf-8")
    data, card = prepared(tiny_csv, tmp_path / "b", strangers)
    assert list(data[OUT_OF_SCOPE]["text"]) == ["sing me a song", "who won"]
    assert list(data[OUT_OF_SCOPE]["label"]) == [-1, -1]
    assert known in data["test"]["text"]
    assert card["cleaning"]["out_of_scope_removed"] == 1
    assert card["splits"][OUT_OF_SCOPE]["texts_by_label"] == {}


def test_unlabelled_texts_become_a_split_of_new_texts_each_once(tiny_csv: Path, tmp_path: Path) -> None:
    """What stands in another split, the out-of-scope one too, would teach the answers to questions of the test."""
    splits = prepared(tiny_csv, tmp_path / "a")[0]
    known = [splits[name]["text"][0].upper() for name in ("train", "validation", "test")]
    strangers, log = tmp_path / "strangers.csv", tmp_path / "log.jsonl"
    strangers.write_text("text\nwho won\n", encoding="utf-8")
    texts = ["Where is  it?", *known, "who won?", " ", "where is it", "stop it", "WHO", "stop it", "where is it"]
    log.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    data, card = prepared(tiny_csv, tmp_path / "b", strangers, log)
    assert list(data[UNLABELLED]["text"]) == ["Where is it?", "WHO"]
    assert set(data[UNLABELLED]["label"]) == {NO_LABEL}
    assert card["cleaning"]["unlabelled_removed"] == {
        "duplicates": 3, "in_another_split": 4, "test_texts_once_labelled": 1,
    }  # fmt: skip
    assert card["further_sources"] == {
        name: {"source": str(path), "version": storage.version(str(path))}
        for name, path in ((OUT_OF_SCOPE, strangers), (UNLABELLED, log))
    }
    assert card["splits"][UNLABELLED]["texts"] == 2
    assert all(data[name]["id"] == splits[name]["id"] for name in splits)
    assert transfer_set(data)["text"] == [*data["train"]["text"], "Where is it?", "WHO"]


def test_a_text_that_left_the_unlabelled_ones_is_a_test_text_once_it_is_labelled(
    tiny_csv: Path, tmp_path: Path
) -> None:
    grown = tmp_path / "grown.csv"
    grown.write_text(tiny_csv.read_text(encoding="utf-8") + "stop it,cancel\nwho,cancel\n", encoding="utf-8")
    data, _ = prepared(grown, tmp_path / "out")
    assert "stop it" in data["test"]["text"]
    assert "who" not in data["test"]["text"]


def test_beside_a_test_split_that_is_given_no_unlabelled_text_waits_for_a_label(tiny_csv: Path, tmp_path: Path) -> None:
    source, log = tmp_path / "source", tmp_path / "log.csv"
    source.mkdir()
    (source / "train.csv").write_bytes(tiny_csv.read_bytes())
    (source / "test.csv").write_text("text,label\nfind it,track\n", encoding="utf-8")
    log.write_text("text\nstop it\n", encoding="utf-8")
    assert list(prepared(source, tmp_path / "out", unlabelled=log)[0][UNLABELLED]["text"]) == ["stop it"]


def test_altered_copies_of_training_texts_join_the_unlabelled_ones(tiny_csv: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("text\nwhere is it\n", encoding="utf-8")
    plain = prepared(tiny_csv, tmp_path / "a")[0]
    alone, told = prepared(tiny_csv, tmp_path / "b", data_augmented_copies=4)
    beside, _ = prepared(tiny_csv, tmp_path / "c", unlabelled=log, data_augmented_copies=4)
    copies = list(alone[UNLABELLED]["text"])
    assert list(beside[UNLABELLED]["text"]) == ["where is it", *copies]
    assert set(alone[UNLABELLED]["label"]) == {NO_LABEL}
    assert told["cleaning"]["altered_copies"] == {"made": 4 * len(plain["train"]), "kept": len(copies)}
    assert len(plain["train"]) < len(copies) == len(set(copies))
    for name, split in plain.items():
        assert split["id"] == alone[name]["id"]
        assert not set(split["id"]) & set(alone[UNLABELLED]["id"]), "a test text would be no test any more"
    assert {word for text in copies for word in text.split()} <= {
        word for text in plain["train"]["text"] for word in text.split()
    }


def test_where_no_further_text_is_left_there_is_no_such_split(tiny_csv: Path, tmp_path: Path) -> None:
    words, log = tmp_path / "words.csv", tmp_path / "log.csv"
    words.write_text("text,label\n" + "".join(f"w{number},{number % 2}\n" for number in range(40)), encoding="utf-8")
    data, card = prepared(words, tmp_path / "a", data_augmented_copies=1)  # a single word cannot be dropped
    assert UNLABELLED not in data
    assert card["cleaning"]["altered_copies"] == {"made": len(data["train"]), "kept": 0}
    log.write_text("text\nstop it\n", encoding="utf-8")
    data, card = prepared(tiny_csv, tmp_path / "b", unlabelled=log)
    assert UNLABELLED not in data
    assert card["cleaning"]["unlabelled_removed"]["test_texts_once_labelled"] == 1


def test_without_further_texts_there_are_no_such_splits(tiny_csv: Path, tmp_path: Path) -> None:
    assert set(prepared(tiny_csv, tmp_path / "out")[0]) == {"train", "validation", "test"}


def test_the_demo_needs_no_files(tmp_path: Path) -> None:
    data, card = prepared(
        "demo:bike-share", tmp_path / "out", "demo:bike-share-out-of-scope", data_text_column="utterance"
    )
    assert len(card["labels"]) == 26
    assert card["settings"]["data_text_column"] == "utterance"
    assert len(data[OUT_OF_SCOPE]) == 120


def test_data_that_changed_after_it_was_looked_up_is_refused(tiny_csv: Path, tmp_path: Path) -> None:
    source = tmp_path / "data.csv"
    source.write_bytes(tiny_csv.read_bytes())
    before = storage.version(str(source))
    source.write_bytes(tiny_csv.read_bytes() + b"one more,track\n")
    with pytest.raises(UserError, match="changed after this run looked it up"):
        prepare(
            data=str(source), data_version=before, out_of_scope_data="", out_of_scope_version="", unlabelled_data="",
            unlabelled_version="", options=PreparationOptions(), target=tmp_path / "out",
        )  # fmt: skip
    assert not (tmp_path / "out").exists()
