"""Clean rows and make disjoint splits. The data card counts everything that is removed.

Only empty texts are removed from a given test split. Texts that train and test share are removed from train (and
validation), never from test.
"""

import hashlib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from operator import itemgetter

from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import PreparationOptions
from spectral_distill.data.card import Cleaning, Conflict, Conflicts
from spectral_distill.data.tables import Row

_MIN_PER_LABEL = 2
_MAX_LABELS_SHARE = 0.5


def clean_splits(splits: dict[str, list[Row]], options: PreparationOptions) -> tuple[dict[str, list[Row]], Cleaning]:
    """Clean the splits, remove leaks between them, and hold out the missing ones.

    Args:
        splits: Rows by split; `train` is required, `validation` and `test` are optional.
        options: How to hold out splits, and how many examples to keep for each label.

    Returns:
        The splits `train`, `validation` and `test`, and the counts for the data card.

    Raises:
        UserError: A split has no usable rows, or the labels do not suit a classifier.
    """
    done = Cleaning(rows_read={name: len(rows) for name, rows in splits.items()})
    splits = {name: _without_empty(rows, name, done) for name, rows in splits.items()}
    splits = {name: rows if name == "test" else _without_duplicates(rows, name, done) for name, rows in splits.items()}
    done.duplicates_kept_in_test = _count_duplicates(splits.get("test", []))
    _remove_leaks(splits, done)
    _check_labels(splits, done)
    made = [name for name in ("test", "validation") if name not in splits]
    if "test" not in splits:
        splits["train"], splits["test"] = _hold_out(
            splits["train"], options.data_test_share, f"test {options.data_split_seed}"
        )
    if options.data_examples_per_label:
        few = _few_of_each_label(splits["train"], options.data_examples_per_label, f"few {options.data_split_seed}")
        done.left_out_by_texts_per_label = len(splits["train"]) - len(few)
        splits["train"] = few
    if "validation" not in splits:
        splits["train"], splits["validation"] = _hold_out(
            splits["train"], options.data_validation_share, f"validation {options.data_split_seed}"
        )
    done.splits_made = made
    return {name: splits[name] for name in ("train", "validation", "test")}, done


def clean_text(text: str) -> str:
    """Normalise a text: Unicode NFC, white space collapsed to one blank and stripped at the ends.

    Args:
        text: The text.

    Returns:
        The normalised text.
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def same_text_key(text: str) -> str:
    """Return the key by which duplicates and leaks are found: letters and digits of the NFKC form, case-folded.

    Args:
        text: The text.

    Returns:
        The key; the text itself if it has neither letters nor digits.
    """
    key = "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())
    return key or text


def _without_empty(rows: Iterable[Row], split: str, done: Cleaning) -> list[Row]:
    cleaned = [Row(clean_text(row.text), row.label) for row in rows]
    kept = [row for row in cleaned if row.text]
    done.empty_removed[split] = len(cleaned) - len(kept)
    if not kept:
        raise UserError(f"{split} split: all {len(cleaned)} texts are empty; check data_text_column")
    return kept


def _without_duplicates(rows: list[Row], split: str, done: Cleaning) -> list[Row]:
    """Keep the first row of each text; remove texts that have several labels."""
    labels = defaultdict(set)
    for row in rows:
        labels[same_text_key(row.text)].add(row.label)
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(same_text_key(row.text), row)
    conflicting = [key for key, names in labels.items() if len(names) > 1]
    done.conflicting_labels_removed[split] = Conflicts(
        texts=len(conflicting),
        examples=[Conflict(text=first[key].text, labels=sorted(map(str, labels[key]))) for key in conflicting[:5]],
    )
    done.duplicates_removed[split] = len(rows) - len(first)
    if len(conflicting) == len(first):
        raise UserError(f"{split} split: each of its {len(first)} texts has several labels; expected one label a text")
    return [row for key, row in first.items() if len(labels[key]) == 1]


def _count_duplicates(rows: list[Row]) -> int:
    return len(rows) - len({same_text_key(row.text) for row in rows})


def _remove_leaks(splits: dict[str, list[Row]], done: Cleaning) -> None:
    """Remove shared texts from the earlier split: test wins over validation, validation over train."""
    held_out: set[str] = set()
    for name in [name for name in ("test", "validation", "train") if name in splits]:
        kept = [row for row in splits[name] if same_text_key(row.text) not in held_out]
        done.leaks_removed[name] = len(splits[name]) - len(kept)
        splits[name] = kept
        held_out |= {same_text_key(row.text) for row in kept}
        if not kept:
            later = "validation or test" if name == "train" else "test"
            raise UserError(f"{name} split: every text is in {later} too; expected separate texts")


def _check_labels(splits: dict[str, list[Row]], done: Cleaning) -> None:
    counts = {name: Counter(str(row.label) for row in rows) for name, rows in splits.items()}
    train = counts["train"]
    if len(train) < 2:
        raise UserError(
            f"train split: found {len(train)} label(s) ({', '.join(train)}), expected at least 2; check "
            "data_label_column"
        )
    if len(train) > _MAX_LABELS_SHARE * train.total():
        raise UserError(
            f"train split: found {len(train)} different labels in {train.total()} texts, expected few; "
            "check data_label_column"
        )
    rare = sorted(name for name, count in train.items() if count < _MIN_PER_LABEL + 2 * (len(splits) == 1))
    if rare:
        raise UserError(
            f"train split: label {rare[0]!r} has {train[rare[0]]} text(s) ({len(rare)} such label(s)), "
            "expected at least "
            f"{_MIN_PER_LABEL + 2 * (len(splits) == 1)}; add texts or remove the label"
        )
    for name in [name for name in counts if name != "train"]:
        unknown = sorted(counts[name].keys() - train.keys())
        if unknown:
            raise UserError(
                f"{name} split: label {unknown[0]!r} ({len(unknown)} such label(s)) never occurs in train; "
                "add training texts or remove them"
            )
    done.labels_missing = {name: sorted(train.keys() - counts[name].keys()) for name in counts if name != "train"}


def is_test_lot(text: str, options: PreparationOptions) -> bool:
    """Check whether a text falls into the test split that this project would hold out.

    Args:
        text: The text.
        options: Seed and share of the test split.

    Returns:
        Whether the text would be a test text.
    """
    return _unit_hash(text, f"test {options.data_split_seed}") < options.data_test_share


def _hold_out(rows: list[Row], share: float, salt: str) -> tuple[list[Row], list[Row]]:
    """Split the rows of each label by the texts' hash values; each side keeps some of each label.

    A text's hash value depends on the text alone. New data therefore moves no other text to the other side, except for
    labels with a handful of texts (docs/decisions/0015-stable-splits.md).

    Returns:
        The rows to keep and those to hold out, both in their given order.
    """
    held: set[Row] = set()
    for label, drawn in _hashed_by_label(rows, salt).items():
        if len(drawn) < 2:
            raise UserError(
                f"data: found 1 text of label {label!r} to hold out from, expected at least 2; add texts or give the "
                "splits"
            )
        held.update(row for number, row in drawn[:-2] if number < share)
        held.add(drawn[0][1])
    return [row for row in rows if row not in held], [row for row in rows if row in held]


def _few_of_each_label(rows: list[Row], maximum: int, salt: str) -> list[Row]:
    """Keep at most `maximum` rows of each label, those with the lowest hash values, in their given order."""
    few = {row for drawn in _hashed_by_label(rows, salt).values() for _, row in drawn[:maximum]}
    return [row for row in rows if row in few]


def _hashed_by_label(rows: list[Row], salt: str) -> dict[str, list[tuple[float, Row]]]:
    """Return the rows of each label with their hash values, in ascending order of these."""
    drawn = defaultdict(list)
    for row in rows:
        drawn[str(row.label)].append((_unit_hash(row.text, salt), row))
    return {label: sorted(mine, key=itemgetter(0)) for label, mine in drawn.items()}


def _unit_hash(text: str, salt: str) -> float:
    """Hash a text to a number in [0, 1)."""
    digest = hashlib.sha256(f"{salt} {same_text_key(text)}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
