"""A tiny dataset that a tiny model can learn: 160 texts of four labels, and a few out-of-scope ones."""

import hashlib
import itertools
from collections.abc import Sequence

from datasets import ClassLabel, Dataset, Features, Value

LABELS = ["cancel", "refund", "track", "upgrade"]

_VERBS = {
    "cancel": ["cancel", "stop"],
    "refund": ["refund", "repay"],
    "track": ["track", "find"],
    "upgrade": ["upgrade", "extend"],
}
_THINGS = {
    "cancel": ["order", "booking"],
    "refund": ["money", "payment"],
    "track": ["parcel", "letter"],
    "upgrade": ["plan", "contract"],
}
_OPENINGS = ["", "please", "can you", "i want to", "hello"]
_OWNERS = ["my", "the"]


def intents() -> list[tuple[str, str]]:
    """160 different (text, label) pairs, 40 a label and labels in turn; verb and object tell the label."""
    choices = itertools.product(_OPENINGS, _OWNERS, (0, 1), (0, 1), LABELS)
    return [
        (f"{opening} {_VERBS[label][verb]} {owner} {_THINGS[label][thing]}".strip(), label)
        for opening, owner, verb, thing, label in choices
    ]


def out_of_scope() -> list[str]:
    return ["what a nice day", "sing me a song", "who won", "is it raining up north", "tell me a joke", "one two"]


def split_of(rows: Sequence[tuple[str, str | None]]) -> Dataset:
    """(text, label) pairs as a split of the data artifact; label None is out of scope."""
    features = Features({"id": Value("string"), "text": Value("string"), "label": ClassLabel(names=LABELS)})
    columns = {
        "id": [hashlib.sha256(text.encode()).hexdigest()[:16] for text, _ in rows],
        "text": [text for text, _ in rows],
        "label": [-1 if label is None else LABELS.index(label) for _, label in rows],
    }
    return Dataset.from_dict(columns, features=features)
