"""A new head that starts from a linear probe."""

import copy

import numpy as np
import torch
from datasets import DatasetDict
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from spectral_distill.models.linear_probe import start_from_probe
from spectral_distill.models.text_classifier import TextClassifier
from tests.support.models import same_weights


def accuracy(classifier: TextClassifier, data: DatasetDict) -> float:
    return float((classifier.logits(data["train"]["text"]).argmax(axis=1) == data["train"]["label"]).mean())


def test_the_head_answers_as_a_logistic_regression_on_the_frozen_encoder(
    tiny_classifier: TextClassifier, tiny_data: DatasetDict
):
    model, train = tiny_classifier.model.eval(), tiny_data["train"]
    with torch.no_grad():
        batch = tiny_classifier.collate(tiny_classifier.tokenize(train["text"]))
        pooled = model.bert(**batch).pooler_output.numpy()
    reference = LogisticRegression(max_iter=200).fit(pooled, train["label"])
    start_from_probe(tiny_classifier, train)
    found = softmax(tiny_classifier.logits(train["text"]), axis=1)
    np.testing.assert_allclose(found, reference.predict_proba(pooled), atol=0.02)


def test_the_encoder_stays_and_the_answers_get_better(tiny_classifier: TextClassifier, tiny_data: DatasetDict):
    before, encoder = accuracy(tiny_classifier, tiny_data), copy.deepcopy(tiny_classifier.model.bert.state_dict())
    start_from_probe(tiny_classifier, tiny_data["train"])
    assert same_weights(encoder, tiny_classifier.model.bert.state_dict())
    assert accuracy(tiny_classifier, tiny_data) > max(before, 0.6)


def test_two_classes(tiny_classifier: TextClassifier, tiny_data: DatasetDict):
    model = tiny_classifier.model
    model.classifier, model.config.num_labels = torch.nn.Linear(32, 2), 2
    train = tiny_data["train"].map(lambda row: {"label": row["label"] % 2})
    start_from_probe(tiny_classifier, train)
    assert accuracy(tiny_classifier, DatasetDict(train=train)) > 0.7
