"""The last feed-forward network runs for the token that the head reads: nothing else may differ."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from spectral_distill.models.encoder_layers import layer_stack
from spectral_distill.models.first_token import run_for_logits
from tests.support.families import DEPTH, TWO_TEXTS, every_family, model_of


def gradients(logits: Tensor, model: torch.nn.Module) -> dict[str, Tensor]:
    model.zero_grad()
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 2])).backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}


@every_family
def test_logits_and_gradients_are_those_of_the_whole_pass(family):
    model = model_of(family)
    expected, found = model(**TWO_TEXTS).logits, run_for_logits(model, **TWO_TEXTS).logits
    assert_close(found, expected)
    assert_close(gradients(found, model), gradients(expected, model))


@pytest.mark.parametrize("family", ["bert", "camembert", "electra", "mpnet", "roberta", "xlm-roberta"])
def test_the_last_feed_forward_network_sees_one_token_a_text_and_the_others_all(family):
    model = model_of(family)
    seen: list[int] = []
    for layer in layer_stack(model):
        layer.intermediate.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[1]))
    run_for_logits(model, **TWO_TEXTS)
    assert seen == [8] * (DEPTH - 1) + [1]


@every_family
def test_afterwards_the_model_gives_all_states_again(family):
    model = model_of(family)
    before = model(**TWO_TEXTS, output_hidden_states=True).hidden_states
    run_for_logits(model, **TWO_TEXTS)
    assert_close(model(**TWO_TEXTS, output_hidden_states=True).hidden_states, before)


def test_a_fault_within_leaves_a_whole_model():
    model = model_of("bert")
    with pytest.raises(IndexError):
        run_for_logits(model, input_ids=torch.tensor([[5, 4000]]), attention_mask=torch.tensor([[1, 1]]))
    assert model.base_model(**TWO_TEXTS).last_hidden_state.shape[1] == 8
