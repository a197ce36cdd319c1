"""Fixtures that all tests share: a tiny encoder, a tiny classifier, a tiny set of intents."""

import csv
import os
import shutil
from pathlib import Path

import pytest
import torch
from datasets import DatasetDict
from hypothesis import settings
from transformers import BertModel

from spectral_distill.core.progress import print_events
from spectral_distill.models.text_classifier import TextClassifier, load_classifier
from tests.support.checkout import SHARED
from tests.support.dataset import LABELS, intents, out_of_scope, split_of
from tests.support.models import MAX_TOKENS, tiny_bert_config, tiny_tokenizer

os.environ["SPECTRAL_DISTILL_WAIT_SECONDS"] = "0"  # a service that is away fails at once
# The models are tiny: a second thread only waits for the first, here and in the processes that tests start.
torch.set_num_threads(int(os.environ.setdefault("OMP_NUM_THREADS", "1")))
print_events()  # as steps do

settings.register_profile("project", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("project")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need the shared folder where it is missing."""
    if not SHARED.is_dir():
        for item in items:
            if item.get_closest_marker("shared"):
                item.add_marker(pytest.mark.skip(reason="the shared folder is not beside the checkout"))


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
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs and models, made once: MLflow migrates a new one for seconds."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_registered_models()
    return path


@pytest.fixture
def mlflow_uri(empty_mlflow: Path, tmp_path: Path) -> str:
    """URI of an empty MLflow database of the test's own."""
    return f"sqlite:///{shutil.copy(empty_mlflow, tmp_path)}"


@pytest.fixture(scope="session")
def tiny_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same intents as one table: columns `text` and `label`, 160 rows, 40 for each of four labels."""
    path = tmp_path_factory.mktemp("tables") / "intents.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *intents()])
    return path
