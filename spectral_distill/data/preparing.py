"""Make the `data` artifact from a source at a version."""

import hashlib
import tempfile
from collections import Counter
from pathlib import Path
from statistics import mean

from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import PreparationOptions
from spectral_distill.data.augmentation import altered_copies
from spectral_distill.data.card import AlteredCopies, Cleaning, DataCard, Source, SplitFacts, UnlabelledRemoved
from spectral_distill.data.cleaning import clean_splits, clean_text, is_test_lot, same_text_key
from spectral_distill.data.dataset import NO_LABEL, OUT_OF_SCOPE, UNLABELLED, save_intents
from spectral_distill.data.demo import tables
from spectral_distill.data.tables import Row, read_splits, read_table
from spectral_distill.storage import uris as storage
from spectral_distill.storage.hub import hub_errors


def prepare(
    *,
    data: str,
    data_version: str,
    out_of_scope_data: str,
    out_of_scope_version: str,
    unlabelled_data: str,
    unlabelled_version: str,
    options: PreparationOptions,
    target: str | Path,
) -> DataCard:
    """Read, check, clean and split a dataset, and save it with its data card.

    Args:
        data: Source of the labelled texts: `demo:…`, `hf://owner/name`, a local path or `s3://…`.
        data_version: Its version, as `sources.data_version` returned it.
        out_of_scope_data: Source of out-of-scope texts; empty for none.
        out_of_scope_version: Its version.
        unlabelled_data: Source of unlabelled texts; empty for none.
        unlabelled_version: Its version.
        options: Columns, splits, examples per label and augmentation.
        target: Folder of the `data` artifact; written atomically.

    Returns:
        The data card.

    Raises:
        UserError: A source cannot be read or has changed, a split has no usable texts, or the labels do not suit a
            classifier.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = _fetch(data, data_version, Path(scratch) / "data", options)
        raw = read_splits(path, text_column=options.data_text_column, label_column=options.data_label_column, name=data)
        strangers = _texts(out_of_scope_data, out_of_scope_version, Path(scratch) / OUT_OF_SCOPE, options)
        unlabelled = _texts(unlabelled_data, unlabelled_version, Path(scratch) / UNLABELLED, options)
    splits, done = clean_splits(raw, options)
    names = sorted({str(row.label) for row in splits["train"]})
    dataset = DatasetDict({name: _dataset(rows, names) for name, rows in splits.items()})
    if strangers:
        dataset[OUT_OF_SCOPE] = _dataset(_out_of_scope_rows(strangers, dataset, out_of_scope_data, done), names)
    further = _unlabelled_rows(unlabelled, dataset, unlabelled_data, options, done) if unlabelled else []
    if options.data_augmented_copies:
        further += _altered_rows(dataset, further, options, done)
    if further:  # `datasets` cannot load an empty split
        dataset[UNLABELLED] = _dataset(further, names)
    given = {OUT_OF_SCOPE: (out_of_scope_data, out_of_scope_version), UNLABELLED: (unlabelled_data, unlabelled_version)}
    card = DataCard(
        source=data,
        version=data_version,
        further_sources={name: Source(source=uri, version=found) for name, (uri, found) in given.items() if uri},
        labels=names,
        splits={name: describe_split(split, names) for name, split in dataset.items()},
        cleaning=done,
        settings=options,
    )
    with storage.whole_folder(target) as folder:
        save_intents(dataset, card, folder)
    return card


def _fetch(source: str, version: str, scratch: Path, options: PreparationOptions) -> Path:
    """Fetch any source as a local file or folder of tables."""
    scratch.mkdir()
    if source.startswith("demo:"):
        return tables.write_table(
            source, scratch, text_column=options.data_text_column, label_column=options.data_label_column
        )
    if source.startswith("hf://"):
        return _fetch_hub(source, version, scratch)
    return storage.fetch(source, version, scratch)


def _fetch_hub(source: str, version: str, scratch: Path) -> Path:
    from datasets import load_dataset

    with hub_errors(f"data {source}"):
        splits = load_dataset(source.removeprefix("hf://"), revision=version.removeprefix("revision:"))
    for name, split in splits.items():
        for column, feature in split.features.items():
            if isinstance(feature, ClassLabel):
                split = split.cast_column(column, Value("int64"))
                names = [feature.names[value] for value in split[column]]
                split = split.remove_columns(column).add_column(column, names)
        split.to_parquet(scratch / f"{name}.parquet")
    return scratch


def _texts(source: str, version: str, scratch: Path, options: PreparationOptions) -> list[str]:
    """Read and clean the texts of a table without labels; return none if there is no source."""
    if not source:
        return []
    path = _fetch(source, version, scratch, options)
    rows = read_table(path, text_column=options.data_text_column, label_column=None, name=source)
    texts = [clean_text(row.text) for row in rows if row.text.strip()]
    if not texts:
        raise UserError(f"{source}: all {len(rows)} texts are empty; check data_text_column")
    return texts


def _out_of_scope_rows(texts: list[str], dataset: DatasetDict, source: str, done: Cleaning) -> list[Row]:
    kept = _in_no_split(texts, dataset)
    _check_any(kept, source, "texts that belong to no class")
    done.out_of_scope_removed = len(texts) - len(kept)
    return kept


def _unlabelled_rows(
    texts: list[str], dataset: DatasetDict, source: str, options: PreparationOptions, done: Cleaning
) -> list[Row]:
    once = _each_once(texts)
    fresh = _in_no_split(once, dataset)
    _check_any(fresh, source, "further texts")
    kept = [row for row in fresh if not ("test" in done.splits_made and is_test_lot(row.text, options))]
    done.unlabelled_removed = UnlabelledRemoved(
        duplicates=len(texts) - len(once),
        in_another_split=len(once) - len(fresh),
        test_texts_once_labelled=len(fresh) - len(kept),
    )
    return kept


def _altered_rows(
    dataset: DatasetDict, unlabelled: list[Row], options: PreparationOptions, done: Cleaning
) -> list[Row]:
    """Return only new texts: a copy may equal its text, another copy, an unlabelled text, or by chance a test text."""
    copies = list(altered_copies(dataset["train"]["text"][:], options.data_augmented_copies, options.data_split_seed))
    once = _each_once([*(row.text for row in unlabelled), *copies])
    kept = _in_no_split(once[len(unlabelled) :], dataset)
    done.altered_copies = AlteredCopies(made=len(copies), kept=len(kept))
    return kept


def _each_once(texts: list[str]) -> list[str]:
    first: dict[str, str] = {}
    for text in texts:
        first.setdefault(same_text_key(text), text)
    return list(first.values())


def _in_no_split(texts: list[str], dataset: DatasetDict) -> list[Row]:
    """Return rows of the texts that are in no split."""
    known = {same_text_key(text) for split in dataset.values() for text in split["text"]}
    return [Row(text, None) for text in texts if same_text_key(text) not in known]


def _check_any(rows: list[Row], source: str, expected: str) -> None:
    if not rows:
        raise UserError(f"{source}: every text is in the data too; expected {expected}")


def _dataset(rows: list[Row], names: list[str]) -> Dataset:
    index = {name: position for position, name in enumerate(names)}
    features = Features({"id": Value("string"), "text": Value("string"), "label": ClassLabel(names=names)})
    columns = {
        "id": [hashlib.sha256(row.text.encode()).hexdigest()[:16] for row in rows],
        "text": [row.text for row in rows],
        "label": [NO_LABEL if row.label is None else index[row.label] for row in rows],
    }
    return Dataset.from_dict(columns, features=features)


def describe_split(split: Dataset, names: list[str]) -> SplitFacts:
    """Count the texts of a split, their words, and the texts of each label.

    Args:
        split: The split.
        names: Names of the labels, in the order of their numbers.

    Returns:
        The facts for the data card.
    """
    words = [len(text.split()) for text in split["text"]]
    counts = Counter(names[label] for label in split["label"] if label != NO_LABEL)
    return SplitFacts(
        texts=len(split),
        words_mean=round(mean(words), 2) if words else 0,
        words_max=max(words, default=0),
        texts_by_label=dict(sorted(counts.items())),
    )
