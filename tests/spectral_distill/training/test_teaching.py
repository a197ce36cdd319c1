"""Teachers: fine-tuned ones learn, imported ones answer as they did, whatever the order of their labels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import DatasetDict
from transformers import BertForSequenceClassification

from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import TeacherOptions
from spectral_distill.evaluation.scores import answer, score
from spectral_distill.models import checkpoints
from spectral_distill.models.text_classifier import TextClassifier, load_classifier
from spectral_distill.training.fine_tuning import make_teacher
from tests.support.dataset import LABELS
from tests.support.models import MAX_TOKENS, same_weights, tiny_bert_config, tiny_tokenizer
from tests.support.tracking import NO_RUN

FINE_TUNE = TeacherOptions(teacher_epochs=6, teacher_learning_rate=3e-3, teacher_batch_size=16)
IMPORT = TeacherOptions(teacher_fine_tune=False)


def saved(checkpoint: Path, folder: Path, labels: list[str]) -> Path:
    """A classifier with those label names in that order, and a head that is not zero."""
    torch.manual_seed(1)
    load_classifier(checkpoint, max_tokens=MAX_TOKENS, labels=labels).save(folder)
    return folder


def made(folder: Path, data: DatasetDict, options: TeacherOptions) -> TextClassifier:
    return make_teacher(str(folder), checkpoints.version(str(folder)), data, options, NO_RUN)


@pytest.mark.parametrize("order", [LABELS, LABELS[::-1], [LABELS[2], LABELS[0], LABELS[3], LABELS[1]]])
def test_an_imported_teacher_gives_each_text_the_label_it_gave_before(order, tiny_checkpoint, tiny_data, tmp_path):
    folder = saved(tiny_checkpoint, tmp_path / "teacher", order)
    texts = tiny_data["test"]["text"]
    before, after = load_classifier(folder, max_tokens=MAX_TOKENS), made(folder, tiny_data, IMPORT)
    assert after.labels == LABELS
    columns = [order.index(label) for label in LABELS]
    np.testing.assert_allclose(after.logits(texts), before.logits(texts)[:, columns], atol=1e-6)
    assert len(set(after.logits(texts).argmax(axis=1))) > 1, "a teacher that says one thing shows nothing"


def test_an_imported_teacher_with_other_labels_is_refused(tiny_checkpoint, tiny_data, tmp_path):
    folder = saved(tiny_checkpoint, tmp_path / "teacher", ["cancel", "refunds", "track", "upgrade"])
    with pytest.raises(UserError, match="missing refund, extra refunds"):
        made(folder, tiny_data, IMPORT)


def test_a_head_that_cannot_be_told_is_refused_rather_than_permuted_by_guess(tiny_data, tmp_path):
    """A feed-forward layer as wide as there are labels could be the head as well."""
    config = tiny_bert_config(
        hidden_size=4, num_attention_heads=1, id2label=dict(enumerate(LABELS[::-1])),
        label2id={label: index for index, label in enumerate(LABELS[::-1])},
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(tmp_path / "teacher")
    tiny_tokenizer().save_pretrained(tmp_path / "teacher")
    with pytest.raises(UserError, match="not exactly one linear layer could be its head"):
        made(tmp_path / "teacher", tiny_data, IMPORT)


def test_fine_tuning_learns_repeats_and_saves_what_it_made(tiny_checkpoint, tiny_data, tmp_path):
    teacher, again = (made(tiny_checkpoint, tiny_data, FINE_TUNE) for _ in range(2))
    assert same_weights(teacher.model.state_dict(), again.model.state_dict())
    scores = score(answer(teacher, tiny_data, "evaluate"))
    assert scores.accuracy > 0.9
    teacher.save(tmp_path / "model")
    answers = load_classifier(tmp_path / "model", max_tokens=MAX_TOKENS).logits(tiny_data["test"]["text"])
    assert (answers.argmax(axis=1) == np.array(tiny_data["test"]["label"])).mean() == scores.accuracy
