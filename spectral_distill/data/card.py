"""What was read, cleaned and split: `data_card.json`. Reading it needs neither `datasets` nor a model library."""

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from spectral_distill.core.settings import PreparationOptions
from spectral_distill.storage.artifacts import Artifact, Record, SparseRecord


class Source(Record):
    """A source of texts and the version of it that was read."""

    source: str
    version: str


class SplitFacts(Record):
    """Number of texts in a split, their words, and the texts of each label."""

    texts: int
    words_mean: float
    words_max: int
    texts_by_label: dict[str, int]


class Conflict(Record):
    """A text that was given under several labels."""

    text: str
    labels: list[str]


class Conflicts(Record):
    """How many texts have conflicting labels, and the first of them."""

    texts: int
    examples: list[Conflict]


class UnlabelledRemoved(Record):
    """Why unlabelled texts were removed."""

    duplicates: int
    in_another_split: int
    test_texts_once_labelled: int


class AlteredCopies(Record):
    """Altered copies of training texts: those made, and those that equal no other text."""

    made: int
    kept: int


class Cleaning(SparseRecord):
    """What cleaning and splitting did, counted while it is done; by split as read.

    Attributes:
        rows_read: Rows of each split.
        empty_removed: Empty texts removed.
        conflicting_labels_removed: Texts removed because they have several labels.
        duplicates_removed: Repetitions removed.
        duplicates_kept_in_test: Repetitions in the test split, which is used as given.
        leaks_removed: Texts removed because they are in a later split too.
        labels_missing: Labels of the training split that a given split lacks.
        left_out_by_texts_per_label: Training texts over the maximum per label, where there is one.
        splits_made: Splits held out from the training texts.
        out_of_scope_removed: Out-of-scope texts that are among the labelled ones, where out-of-scope texts are given.
        unlabelled_removed: Counts of removed unlabelled texts, where such texts are given.
        altered_copies: Counts of altered copies, where they are asked for.
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
    """Where a dataset comes from, what is in it, and what was done to get it.

    Attributes:
        source: URI of the labelled texts.
        version: The version of them that was read.
        further_sources: The other sources, by the name of their split.
        labels: Names of the labels, in the order of their numbers.
        splits: Facts of each split.
        cleaning: What was removed, and which splits were made.
        settings: Of the preparation.
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
