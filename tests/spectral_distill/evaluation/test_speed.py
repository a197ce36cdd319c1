"""Model time of student and teacher over the same texts."""

import pytest
import torch
from transformers import BertForSequenceClassification

from spectral_distill.core.settings import LatencyOptions
from spectral_distill.evaluation.latency import compare_speed
from spectral_distill.models.text_classifier import TextClassifier
from tests.support.dataset import intents
from tests.support.models import tiny_bert_config, tiny_tokenizer

TEXTS = [text for text, _ in intents()[:50]]


def classifier(extra_words: tuple[str, ...] = (), **sizes: int) -> TextClassifier:
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(list(extra_words))
    model = BertForSequenceClassification(tiny_bert_config(vocab_size=len(tokenizer), **sizes))
    return TextClassifier(model=model.eval(), tokenizer=tokenizer)


def test_both_sizes_of_batch_are_told_for_both_models():
    found = compare_speed(classifier(num_hidden_layers=1), classifier(), TEXTS, LatencyOptions(latency_batches=5))
    for numbers in (found.batch_1, found.batch_32):
        assert 0 < numbers.student_p50_ms <= numbers.student_p95_ms
        assert 0 < numbers.teacher_p50_ms <= numbers.teacher_p95_ms
    assert found.batch_32.teacher_texts_per_s == pytest.approx(32e3 / found.batch_32.teacher_p50_ms)


def test_a_teacher_of_forty_layers_is_slower_than_its_first():
    found = compare_speed(
        classifier(num_hidden_layers=1), classifier(num_hidden_layers=40), TEXTS, LatencyOptions(latency_batches=5)
    )
    assert found.batch_1.speedup > 2 and found.batch_32.speedup > 2


def test_each_model_gets_its_own_tokens():
    """A student of its own vocabulary: its token ids mean nothing to the teacher, or lie beyond what it has."""
    seen: dict[str, list[torch.Tensor]] = {"student": [], "teacher": []}
    models = {"student": classifier(("cancel my", "order")), "teacher": classifier()}
    for name, it in models.items():
        it.model.get_input_embeddings().register_forward_hook(
            lambda _, inputs, __, name=name: seen[name].append(inputs[0])
        )
    compare_speed(models["student"], models["teacher"], ["cancel my order"], LatencyOptions(latency_batches=5))
    for name, it in models.items():
        own = it.tokenize(["cancel my order"])[0]
        assert all(batch.tolist() == [own] * len(batch) for batch in seen[name])
    assert seen["student"][0].max() >= models["teacher"].model.config.vocab_size
