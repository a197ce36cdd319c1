"""Splits come out clean and disjoint, and every text that went is counted."""

import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import PreparationOptions
from spectral_distill.data.card import Cleaning
from spectral_distill.data.cleaning import clean_splits, clean_text, same_text_key
from spectral_distill.data.tables import Row

OPTIONS = PreparationOptions()


def labelled(label: str, count: int, start: int = 0) -> list[Row]:
    return [Row(f"{label} number {index}", label) for index in range(start, start + count)]


def base(count: int = 6) -> list[Row]:
    return labelled("lock", count) + labelled("find", count)


def texts(rows: list[Row]) -> list[str]:
    return [row.text for row in rows]


def removed(done: Cleaning) -> int:
    """All texts that the card counts as gone."""
    return (
        sum(done.empty_removed.values())
        + sum(done.duplicates_removed.values())
        + sum(found.texts for found in done.conflicting_labels_removed.values())
        + sum(done.leaks_removed.values())
    )


def test_text_becomes_nfc_with_single_blanks() -> None:
    assert clean_text("  cafe\u0301\t au\u00a0\n lait ") == "caf\u00e9 au lait"


@given(st.text())
def test_cleaning_a_clean_text_changes_nothing(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize(
    "variant", ["Lock my bike!", "LOCK MY BIKE", "lock, my bike...", "lock  mybike", "\uff4cock my bike"]
)
def test_case_punctuation_and_width_make_no_other_text(variant: str) -> None:
    assert same_text_key(variant) == same_text_key("lock my bike")


@pytest.mark.parametrize("other", ["lock my bikes", "lock my b1ke", "?", "!!!"])
def test_other_words_make_another_text(other: str) -> None:
    assert same_text_key(other) != same_text_key("lock my bike")


def test_texts_without_letters_are_told_apart() -> None:
    assert same_text_key("?") != same_text_key("!")


def test_empty_texts_go_and_are_counted() -> None:
    splits, done = clean_splits(
        {"train": [*base(), Row(" \t", "lock"), Row("", "find")], "test": [*base(2), Row("", "lock")]}, OPTIONS
    )
    assert done.empty_removed == {"train": 2, "test": 1}
    assert "" not in texts(splits["train"]) + texts(splits["test"])


def test_duplicates_in_train_keep_the_first() -> None:
    rows = [Row("Open it!", "lock"), Row("open it", "lock"), Row("OPEN  it?", "lock"), *base()]
    splits, done = clean_splits(
        {"train": rows, "validation": labelled("lock", 2, 50), "test": labelled("find", 2, 50)}, OPTIONS
    )
    assert [text for text in texts(splits["train"]) if same_text_key(text) == "openit"] == ["Open it!"]
    assert done.duplicates_removed == {"train": 2, "validation": 0}


def test_texts_under_several_labels_go_altogether_and_are_listed() -> None:
    rows = [Row("open it", "lock"), Row("Open it.", "find"), Row("open IT", "lock"), *base()]
    splits, done = clean_splits({"train": rows}, OPTIONS)
    kept = [text for split in splits.values() for text in texts(split)]
    assert "openit" not in map(same_text_key, kept)
    assert done.conflicting_labels_removed["train"].model_dump() == {
        "texts": 1, "examples": [{"text": "open it", "labels": ["find", "lock"]}],
    }  # fmt: skip


def test_what_train_and_test_share_leaves_train() -> None:
    test = [Row("Lock number 0!", "lock"), Row("find number 1", "find")]
    splits, done = clean_splits({"train": base(), "test": test}, OPTIONS)
    assert splits["test"] == test
    assert done.leaks_removed == {"test": 0, "train": 2}
    assert not {"locknumber0", "findnumber1"} & {
        same_text_key(text) for text in texts(splits["train"] + splits["validation"])
    }


def test_what_validation_and_test_share_leaves_validation() -> None:
    validation, test = [*labelled("lock", 2, 20), *labelled("find", 2, 20)], labelled("lock", 1, 20)
    splits, done = clean_splits({"train": base(), "validation": validation, "test": test}, OPTIONS)
    assert done.leaks_removed == {"test": 0, "validation": 1, "train": 0}
    assert texts(splits["validation"]) == ["lock number 21", "find number 20", "find number 21"]
    assert splits["test"] == test


def test_what_train_and_validation_share_leaves_train() -> None:
    splits, done = clean_splits(
        {"train": base(), "validation": labelled("lock", 1), "test": labelled("find", 2, 50)}, OPTIONS
    )
    assert done.leaks_removed["train"] == 1
    assert "lock number 0" not in texts(splits["train"])


def test_a_given_test_split_keeps_order_and_duplicates() -> None:
    test = [Row("b", "lock"), Row("a", "find"), Row("B!", "lock"), Row("b", "find"), Row("a", "find")]
    splits, done = clean_splits({"train": base(), "test": test}, OPTIONS)
    assert splits["test"] == test
    assert done.duplicates_kept_in_test == 3


def test_given_splits_come_back_in_order_and_none_is_made() -> None:
    given_splits = {"test": labelled("lock", 2, 40), "validation": labelled("find", 2, 40), "train": base()}
    splits, done = clean_splits(given_splits, OPTIONS)
    assert splits == given_splits
    assert list(splits) == ["train", "validation", "test"]
    assert done.splits_made == []


def test_missing_splits_are_made_and_named() -> None:
    splits, done = clean_splits(
        {"train": base(2000)}, PreparationOptions(data_test_share=0.2, data_validation_share=0.1)
    )
    assert done.splits_made == ["test", "validation"]
    # Of 4,000 lots 800 +- 25 are below a fifth, of the other 3,200 320 +- 17 below a tenth: within four deviations.
    assert len(splits["test"]) == pytest.approx(800, abs=100)
    assert len(splits["validation"]) == pytest.approx(320, abs=68)


@given(st.sets(st.integers(0, 999), min_size=20), st.sets(st.integers(0, 999), min_size=1), st.integers(0, 9))
def test_no_training_text_becomes_a_test_text_when_others_join(old: set[int], new: set[int], seed: int) -> None:
    def rows(numbers: set[int]) -> list[Row]:
        return [Row(f"{label} number {number}", label) for number in sorted(numbers) for label in ("lock", "find")]

    options = PreparationOptions(data_split_seed=seed)
    before, _ = clean_splits({"train": rows(old)}, options)
    after, _ = clean_splits({"train": rows(old | new)}, options)
    assert not set(texts(before["train"] + before["validation"])) & set(texts(after["test"]))


def test_a_text_falls_on_its_side_however_it_is_written() -> None:
    spoken, written = base(50), [Row(f"{row.text.title()}!", row.label) for row in base(50)]
    sides = [clean_splits({"train": rows}, OPTIONS)[0]["test"] for rows in (spoken, written)]
    assert [same_text_key(row.text) for row in sides[0]] == [same_text_key(row.text) for row in sides[1]]


def test_the_seed_decides_the_splits() -> None:
    def test_texts(seed: int) -> list[str]:
        return texts(clean_splits({"train": base(50)}, PreparationOptions(data_split_seed=seed))[0]["test"])

    assert test_texts(1) == test_texts(1)
    assert test_texts(1) != test_texts(2)


def test_made_splits_keep_about_the_shares_of_the_labels() -> None:
    splits, _ = clean_splits({"train": labelled("lock", 8000) + labelled("find", 2000)}, OPTIONS)
    counts = Counter(row.label for row in splits["test"])
    assert counts["lock"] == pytest.approx(1600, abs=145)  # four standard deviations
    assert counts["find"] == pytest.approx(400, abs=72)


def test_a_rare_label_stands_in_every_made_split() -> None:
    splits, _ = clean_splits({"train": labelled("lock", 200) + labelled("find", 200) + labelled("rare", 4)}, OPTIONS)
    assert all("rare" in {row.label for row in rows} for rows in splits.values())


def test_labels_missing_from_given_splits_are_noted() -> None:
    splits = {"train": base() + labelled("pay", 3), "validation": labelled("pay", 2, 9), "test": labelled("lock", 2, 9)}
    assert clean_splits(splits, OPTIONS)[1].labels_missing == {
        "validation": ["find", "lock"],
        "test": ["find", "pay"],
    }


words = st.sampled_from(
    ["go", "Go!", "stop", "STOP", "wait a bit", "wait  a bit", "é", "e\u0301", "", "  ", "one", "two", "three"]
)
any_rows = st.lists(st.builds(Row, words, st.sampled_from(["lock", "find"])), max_size=12)


@given(any_rows, st.none() | any_rows, st.none() | any_rows, st.integers(0, 9))
def test_splits_are_disjoint_and_every_row_is_accounted_for(
    train: list[Row], validation: list[Row] | None, test: list[Row] | None, seed: int
) -> None:
    given_splits = {"train": base() + train, "validation": validation, "test": test}
    given_splits = {name: rows for name, rows in given_splits.items() if rows is not None}
    try:
        splits, done = clean_splits(given_splits, PreparationOptions(data_split_seed=seed))
    except UserError:
        return  # a split of empty or leaked texts only; the refusals have tests of their own
    keys = {name: {same_text_key(text) for text in texts(rows)} for name, rows in splits.items()}
    assert not keys["train"] & keys["validation"]
    assert not keys["train"] & keys["test"]
    assert not keys["validation"] & keys["test"]
    assert len(keys["train"]) == len(splits["train"])
    assert sum(done.rows_read.values()) == sum(len(rows) for rows in given_splits.values())
    assert sum(done.rows_read.values()) == sum(len(rows) for rows in splits.values()) + removed(done)
    if test is not None:
        assert texts(splits["test"]) == [clean_text(row.text) for row in test if row.text.strip()]


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(4, 30), min_size=2),
    st.integers(0, 99),
    st.floats(0.01, 0.49),
    st.floats(0.01, 0.49),
)
def test_every_label_stands_in_every_made_split(
    counts: dict[str, int], seed: int, test_share: float, validation_share: float
) -> None:
    rows = [row for label, count in counts.items() for row in labelled(label, count)]
    options = PreparationOptions(
        data_split_seed=seed, data_test_share=test_share, data_validation_share=validation_share
    )
    splits, _ = clean_splits({"train": rows}, options)
    assert all({row.label for row in part} == set(counts) for part in splits.values())
    assert sorted(texts(splits["train"] + splits["validation"] + splits["test"])) == sorted(texts(rows))


def test_one_text_of_a_label_is_too_few_to_hold_out_from() -> None:
    given = {"train": base(), "test": labelled("lock", 2, 50)}
    with pytest.raises(UserError, match=r"^data: found 1 text of label 'lock' to hold out from.*at least 2"):
        clean_splits(given, PreparationOptions(data_examples_per_label=1))


def test_few_texts_of_each_label_are_drawn_by_the_seed_before_validation_is_held_out() -> None:
    given = {"train": labelled("lock", 30) + labelled("find", 8), "test": labelled("lock", 2, 50)}
    few = PreparationOptions(data_examples_per_label=10)
    splits, done = clean_splits(dict(given), few)
    drawn = Counter(row.label for row in splits["train"] + splits["validation"])
    assert drawn == {"lock": 10, "find": 8}
    assert len(splits["test"]) == 2
    assert done.left_out_by_texts_per_label == 20
    assert clean_splits(dict(given), few)[0] == splits
    other, _ = clean_splits(dict(given), PreparationOptions(data_examples_per_label=10, data_split_seed=14))
    assert set(texts(other["train"])) != set(texts(splits["train"]))
