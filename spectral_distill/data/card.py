"""The data card, `data_card.json`. Reading it needs neither `datasets` nor a model library."""

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from spectral_distill.core.settings import PreparationOptions
from spectral_distill.storage.artifacts import Artifact, Record, SparseRecord


class Source(Record):
    """A source of texts.

    Attributes:
        source: Its URI.
        version: The version that was read.
    """

    source: str
    version: str


class SplitFacts(Record):
    """Contents of a split.

    Attributes:
        texts: Number of texts.
        words_mean: Mean number of words in a text.
        words_max: Maximum number of words in a text.
        texts_by_label: Number of texts of each label.
    """

    texts: int
    words_mean: float
    words_max: int
    texts_by_label: dict[str, int]


class Conflict(Record):
    """A text that has several labels.

    Attributes:
        text: The text.
        labels: Its labels, sorted.
    """

    text: str
    labels: list[str]


class Conflicts(Record):
    """Texts with conflicting labels.

    Attributes:
        texts: Their number.
        examples: The first of them.
    """

    texts: int
    examples: list[Conflict]


class UnlabelledRemoved(Record):
    """Counts of unlabelled texts that were removed, by reason.

    Attributes:
        duplicates: Repetitions.
        in_another_split: Texts that are in another split.
        test_texts_once_labelled: Texts that would be held out for the test split if they were labelled.
    """

    duplicates: int
    in_another_split: int
    test_texts_once_labelled: int


class AlteredCopies(Record):
    """Counts of the augmented copies of training texts.

    Attributes:
        made: Copies that were made.
        kept: Copies that equal no other text.
    """

    made: int
    kept: int


class Cleaning(SparseRecord):
    """What cleaning and splitting did, counted while it is done; dictionaries are by split as read.

    Attributes:
        rows_read: Rows of each split.
        empty_removed: Empty texts that were removed.
        conflicting_labels_removed: Texts that were removed because they have several labels.
        duplicates_removed: Repetitions that were removed.
        duplicates_kept_in_test: Repetitions in the test split, which is used as given.
        leaks_removed: Texts that were removed because they are also in a later split.
        labels_missing: Labels of the training split that a given split lacks.
        left_out_by_texts_per_label: Training texts over the maximum per label; None without a maximum.
        splits_made: Splits held out from the training texts.
        out_of_scope_removed: Out-of-scope texts that are also labelled texts; None without out-of-scope texts.
        unlabelled_removed: Counts of removed unlabelled texts; None without unlabelled texts.
        altered_copies: Counts of augmented copies; None without augmentation.
    """

    model_config = ConfigDict(frozen=False)

    rows_read: dict[str, int]
    empty_removed: dict[str, int] = Field(default_factory=dict)
    conflicting_labels_removed: dict[str, Conflicts] = Field(default_factory=dict)
    duplicates_removed: dict[str, int] = Field(default_factory=dict)
    duplicates_kept_in_test: int = 0
    leaks_removed: dict[str, int] = Field(default_factory=dict)
    labels_missing: dict[str, list[str]] = Field(default_factory=dict)
    left_out_by_texts_per_label: int | None = None
    splits_made: list[str] = Field(default_factory=list)
    out_of_scope_removed: int | None = None
    unlabelled_removed: UnlabelledRemoved | None = None
    altered_copies: AlteredCopies | None = None


class DataCard(Artifact):
    """Where a dataset comes from, what it contains, and how it was prepared.

    Attributes:
        source: URI of the labelled texts.
        version: Their version that was read.
        further_sources: The other sources, by the name of their split.
        labels: Names of the labels, in the order of their numbers.
        splits: Facts of each split.
        cleaning: What was removed, and which splits were made.
        settings: Settings of the preparation.
    """

    KIND: ClassVar[str] = "data card"
    FILE: ClassVar[str] = "data_card.json"

    schema_version: Literal[1] = 1
    source: str
    version: str
    further_sources: dict[str, Source]
    labels: list[str]
    splits: dict[str, SplitFacts]
    cleaning: Cleaning
    settings: PreparationOptions
