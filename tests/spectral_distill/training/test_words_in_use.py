"""Embeddings of tokens that do not occur stay out of training: nothing else may differ."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.testing import assert_close
from transformers import (
    BertForSequenceClassification,
    MPNetConfig,
    MPNetForSequenceClassification,
    PreTrainedModel,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from spectral_distill.training.active_embeddings import words_in_use
from tests.support.models import tiny_bert_config

TEXTS = [[2, 7, 9, 3], [2, 11, 3], [2, 7, 30, 12, 3]]
WORDS = sorted({token for text in TEXTS for token in text})
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


def bert() -> PreTrainedModel:
    return BertForSequenceClassification(tiny_bert_config(num_labels=3))


def roberta() -> PreTrainedModel:
    return RobertaForSequenceClassification(RobertaConfig(vocab_size=50, num_labels=3, **SIZES))


def mpnet() -> PreTrainedModel:
    return MPNetForSequenceClassification(MPNetConfig(vocab_size=50, num_labels=3, **SIZES))


def made(family: Callable[[], PreTrainedModel]) -> PreTrainedModel:
    torch.manual_seed(0)
    return family().eval()  # without dropout, so that two trainings can be compared


def with_padding(model: PreTrainedModel) -> list[list[int]]:
    return [*TEXTS, [model.config.pad_token_id]]


def batch(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    longest = max(len(text) for text in TEXTS)
    padded = [text + [model.config.pad_token_id] * (longest - len(text)) for text in TEXTS]
    mask = [[1] * len(text) + [0] * (longest - len(text)) for text in TEXTS]
    return {"input_ids": torch.tensor(padded), "attention_mask": torch.tensor(mask)}


def train(model: PreTrainedModel) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    for _ in range(20):
        loss = torch.nn.functional.cross_entropy(model(**batch(model)).logits, torch.tensor([0, 1, 2]))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("family", [bert, roberta, mpnet])
def test_training_ends_with_the_weights_that_it_ends_with_anyway(family: Callable[[], PreTrainedModel]):
    plain, spared = made(family), made(family)
    train(plain)
    with words_in_use(spared, with_padding(spared)):
        train(spared)
    first, second = plain.state_dict(), spared.state_dict()
    assert first.keys() == second.keys()
    for name in first:
        assert_close(first[name], second[name], rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("family", [bert, roberta, mpnet])
def test_within_only_the_words_of_the_texts_have_parameters(family: Callable[[], PreTrainedModel]):
    model = made(family)
    vocabulary, parameters = model.config.vocab_size, model.num_parameters()
    outside = model(**batch(model)).logits
    with words_in_use(model, with_padding(model)):
        spared = parameters - model.num_parameters()
        assert torch.equal(model(**batch(model)).logits, outside)
    assert spared == (vocabulary - len({*WORDS, model.config.pad_token_id})) * model.config.hidden_size
    assert model.num_parameters() == parameters


def test_other_words_keep_their_embedding_bit_by_bit():
    model = made(bert)
    before = model.get_input_embeddings().weight.detach().clone()
    with words_in_use(model, with_padding(model)):
        train(model)
    changed = (model.get_input_embeddings().weight != before).any(dim=1).nonzero().flatten().tolist()
    assert changed == WORDS


def test_a_word_that_was_not_announced_is_an_error():
    model = made(bert)
    with words_in_use(model, with_padding(model)), pytest.raises(IndexError):
        model(input_ids=torch.tensor([[2, 8, 3]]))


def test_a_row_that_a_model_takes_for_padding_and_a_tokenizer_does_not_may_be_missing():
    """The last row in use must not be taken for padding, which has no gradient."""
    model = made(bert)
    model.get_input_embeddings().padding_idx = 40
    before = model.get_input_embeddings().weight.detach().clone()
    with words_in_use(model, [*TEXTS, [0]]):
        train(model)
    assert (model.get_input_embeddings().weight != before)[30].any()


def test_a_fault_within_leaves_a_whole_model():
    model = made(bert)
    whole = model.get_input_embeddings()
    with pytest.raises(ZeroDivisionError), words_in_use(model, with_padding(model)):
        raise ZeroDivisionError
    assert model.get_input_embeddings() is whole


def test_an_embedding_that_something_else_shares_stays_whole():
    model: Any = made(bert)
    model.tied = torch.nn.Linear(32, model.config.vocab_size, bias=False)
    model.tied.weight = model.get_input_embeddings().weight
    whole = model.get_input_embeddings()
    with words_in_use(model, with_padding(model)):
        assert model.get_input_embeddings() is whole
