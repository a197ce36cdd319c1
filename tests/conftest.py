"""Fixtures that all tests share: a tiny encoder, a tiny classifier, a tiny set of intents."""

import csv
import os
from pathlib import Path

import pytest
import torch
from datasets import DatasetDict
from helpers import LABELS, MAX_TOKENS, intents, out_of_scope, split_of, tiny_bert_config, tiny_tokenizer
from hypothesis import settings
from transformers import BertModel

from spectral_distill.core.progress import print_events
from spectral_distill.models.text_classifier import TextClassifier, load_classifier

os.environ["SPECTRAL_DISTILL_WAIT_SECONDS"] = "0"  # a service that is away fails at once
print_events()  # as steps do

settings.register_profile("project", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("project")


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a BERT encoder with random weights (4 layers, 32 channels, no head) and its tokenizer."""
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny-bert"
    torch.manual_seed(0)
    BertModel(tiny_bert_config()).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def tiny_classifier(tiny_checkpoint: Path) -> TextClassifier:
    """The tiny encoder with a new head for the four labels; a fresh one for each test, the same each time."""
    torch.manual_seed(0)
    return load_classifier(tiny_checkpoint, max_tokens=MAX_TOKENS, labels=LABELS, precision="float32")


@pytest.fixture(scope="session")
def tiny_data() -> DatasetDict:
    """Intents that a model can learn: 96 train, 24 validation and 40 test texts, and a few out-of-scope ones."""
    rows = intents()
    return DatasetDict(
        train=split_of(rows[:96]), validation=split_of(rows[96:120]), test=split_of(rows[120:]),
        out_of_scope=split_of([(text, None) for text in out_of_scope()]),
    )  # fmt: skip


@pytest.fixture(scope="session")
def tiny_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same intents as one table: columns `text` and `label`, 160 rows, 40 for each of four labels."""
    path = tmp_path_factory.mktemp("tables") / "intents.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *intents()])
    return path
