"""The `data` artifact: a `datasets.DatasetDict` on disk and its data card.

The splits `train`, `validation` and `test` have the columns `id` (16 hex digits of the text's sha256), `text` and
`label` (`ClassLabel`). Two optional splits have the same columns and label -1: `out_of_scope`, texts that belong to no
label, and `unlabelled`, texts whose label is unknown.
"""

from pathlib import Path

from datasets import Dataset, DatasetDict, concatenate_datasets, load_from_disk

from spectral_distill.data.card import DataCard

SPLITS = ("train", "validation", "test")
OUT_OF_SCOPE = "out_of_scope"
UNLABELLED = "unlabelled"
NO_LABEL = -1


def save_intents(data: DatasetDict, card: DataCard, folder: Path) -> None:
    """Save a dataset and its card.

    Args:
        data: The dataset.
        card: Its data card.
        folder: Folder of the artifact.
    """
    data.save_to_disk(folder / "splits")
    card.save(folder)


def load_intents(folder: str | Path) -> DatasetDict:
    """Load a dataset.

    Args:
        folder: Folder of the artifact.

    Returns:
        The dataset, by split.
    """
    return DatasetDict(load_from_disk(Path(folder) / "splits"))


def class_names(data: DatasetDict) -> list[str]:
    """List the names of the labels.

    Args:
        data: The dataset.

    Returns:
        The names, in the order of their numbers.
    """
    return list(data["train"].features["label"].names)


def transfer_set(data: DatasetDict) -> Dataset:
    """Collect the texts whose teacher signals students learn from: training texts, then unlabelled ones.

    Source: the transfer set of Hinton et al. 2015 (https://arxiv.org/abs/1503.02531).

    Args:
        data: The dataset.

    Returns:
        The texts, with the columns of the splits.
    """
    return concatenate_datasets([data[name] for name in ("train", UNLABELLED) if name in data])


def sample_texts(data: DatasetDict, count: int) -> list[str]:
    """Draw the seeded sample of training texts for profiles, the same for teacher and students.

    Args:
        data: The dataset.
        count: Maximum number of texts.

    Returns:
        The texts.
    """
    return data["train"].shuffle(seed=0)["text"][:count]
