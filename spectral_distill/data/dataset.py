"""The `data` artifact: a `datasets.DatasetDict` on disk and its card.

Splits `train`, `validation`, `test` have `id` (16 hex digits of the text's sha256), `text` and `label`
(`ClassLabel`). Two more may be there, with the same columns and label -1: `out_of_scope`, texts that belong to no
class, and `unlabelled`, texts whose class nobody has told.
"""

from pathlib import Path

from datasets import Dataset, DatasetDict, concatenate_datasets, load_from_disk

from spectral_distill.data.card import DataCard

SPLITS = ("train", "validation", "test")
OUT_OF_SCOPE = "out_of_scope"
UNLABELLED = "unlabelled"
NO_LABEL = -1


def save_intents(data: DatasetDict, card: DataCard, folder: Path) -> None:
    data.save_to_disk(folder / "splits")
    card.save(folder)


def load_intents(folder: str | Path) -> DatasetDict:
    return DatasetDict(load_from_disk(Path(folder) / "splits"))


def class_names(data: DatasetDict) -> list[str]:
    return list(data["train"].features["label"].names)


def transfer_set(data: DatasetDict) -> Dataset:
    """The texts that a teacher answers for its students (Hinton et al. 2015, arXiv 1503.02531): training texts, then
    unlabelled ones."""
    return concatenate_datasets([data[name] for name in ("train", UNLABELLED) if name in data])


def sample_texts(data: DatasetDict, count: int) -> list[str]:
    """The seeded sample of training texts that profiles are taken on: the same for teacher and students."""
    return data["train"].shuffle(seed=0)["text"][:count]
