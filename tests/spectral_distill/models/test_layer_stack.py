"""Layer stacks of every encoder family that the project names."""

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForSequenceClassification,
    BertForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
)

from spectral_distill.core.errors import UserError
from spectral_distill.models.encoder_layers import depth, layer_stack, run_with_states, shallow_copy_of
from spectral_distill.models.layer_mapping import heaviest_layer
from tests.support.families import DEPTH, TWO_TEXTS, every_family, model_of
from tests.support.models import same_weights, tiny_bert_config

whole = [[(layer, 1.0)] for layer in range(DEPTH)]


def answers(model: PreTrainedModel) -> tuple[Tensor, ...]:
    """Logits and all hidden states for two texts."""
    with torch.inference_mode():
        outputs = model.eval()(**TWO_TEXTS, output_hidden_states=True)
    return outputs.logits, *outputs.hidden_states


def outside_of_layers(model: PreTrainedModel) -> dict[str, Tensor]:
    inside = {id(parameter) for parameter in layer_stack(model).parameters()}
    return {name: parameter for name, parameter in model.named_parameters() if id(parameter) not in inside}


@every_family
def test_the_stack_is_found_in_order(family):
    model = model_of(family)
    assert depth(model) == len(layer_stack(model)) == DEPTH
    order: list[int] = []
    for index, layer in enumerate(layer_stack(model)):
        layer.register_forward_hook(lambda *_, index=index: order.append(index))
    hidden = answers(model)[1:]
    assert order == list(range(DEPTH))
    assert len(hidden) == DEPTH + 1


@every_family
def test_a_copy_of_all_layers_answers_identically(family):
    teacher = model_of(family)
    copied = shallow_copy_of(teacher, whole)
    for expected, found in zip(answers(teacher), answers(copied), strict=True):
        assert torch.equal(expected, found)


@every_family
def test_a_subset_copies_exactly_those_layers_and_all_else(family):
    teacher, chosen = model_of(family), [0, 2, 5]
    student = shallow_copy_of(teacher, [[(layer, 1.0)] for layer in chosen])
    assert depth(student) == student.config.num_hidden_layers == 3
    for layer, place in zip(chosen, layer_stack(student), strict=True):
        assert same_weights(layer_stack(teacher)[layer].state_dict(), place.state_dict())
    assert same_weights(outside_of_layers(teacher), outside_of_layers(student))
    assert torch.equal(answers(student)[1], answers(teacher)[1])  # the embeddings
    assert torch.equal(answers(student)[2], answers(teacher)[2])  # and the first layer, which both have


@every_family
def test_a_students_states_are_its_teachers_as_far_as_its_layers_are(family):
    """Also its last, which in ModernBERT is followed by a norm."""
    teacher = model_of(family)
    ids = torch.tensor([[5, 6, 7, 8, 9, 10, 11, 12]])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.inference_mode():
        outputs, states = run_with_states(teacher, **inputs)
        _, mine = run_with_states(shallow_copy_of(teacher, whole[:3]).eval(), **inputs)
        assert torch.equal(outputs.logits, teacher(**inputs).logits)
    assert len(states) == DEPTH + 1
    for expected, found in zip(states[:4], mine, strict=True):
        assert torch.equal(expected, found)


@every_family
def test_states_are_the_models_hidden_states(family):
    """But ModernBERT's last, which lacks the norm that follows the last layer."""
    model, ids = model_of(family), torch.tensor([[5, 6, 7, 8, 9, 10, 11, 12]])
    with torch.no_grad():
        _, states = run_with_states(model, input_ids=ids)
        expected = model(input_ids=ids, output_hidden_states=True).hidden_states
    assert len(states) == len(expected) == DEPTH + 1
    for found, known in zip(states[:-1], expected[:-1], strict=True):
        assert torch.equal(found, known)
    assert torch.equal(states[-1], expected[-1]) == (family != "modernbert")


@every_family
def test_a_mix_is_the_weighted_mean(family):
    teacher = model_of(family)
    student = shallow_copy_of(teacher, [[(1, 0.3), (2, 0.7)], [(3, 0.5), (4, 0.25), (5, 0.25)]])
    layers = [dict(layer.named_parameters()) for layer in layer_stack(teacher)]
    for name, weight in layer_stack(student)[1].named_parameters():
        expected = 0.5 * layers[3][name] + 0.25 * layers[4][name] + 0.25 * layers[5][name]
        torch.testing.assert_close(weight, expected)
    for name, weight in layer_stack(student)[0].named_parameters():
        torch.testing.assert_close(weight, 0.3 * layers[1][name] + 0.7 * layers[2][name])


@every_family
def test_the_teacher_is_untouched_and_shares_nothing(family):
    teacher = model_of(family)
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    student = shallow_copy_of(teacher, whole[:2])
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.fill_(9.0)
    assert same_weights(before, teacher.state_dict())
    assert depth(teacher) == teacher.config.num_hidden_layers == DEPTH


@every_family
def test_a_student_saves_and_loads_as_any_model(family, tmp_path):
    teacher = model_of(family)
    teacher.config.id2label = {0: "yes", 1: "no", 2: "later"}
    student = shallow_copy_of(teacher, [[(1, 0.5), (2, 0.5)], [(5, 1.0)]])
    student.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert loaded.config.id2label == teacher.config.id2label
    for expected, found in zip(answers(student), answers(loaded), strict=True):
        assert torch.equal(expected, found)


def test_a_half_precision_teacher_has_a_half_precision_student():
    student = shallow_copy_of(model_of("bert").to(torch.bfloat16), [[(0, 0.5), (1, 0.5)]])
    assert {parameter.dtype for parameter in student.parameters()} == {torch.bfloat16}


def test_modernbert_layers_keep_their_kind_of_attention(tmp_path):
    teacher = model_of("modernbert")
    kinds = teacher.config.layer_types
    assert kinds == [*["full_attention", "sliding_attention", "sliding_attention"] * 2]
    student = shallow_copy_of(teacher, [[(1, 1.0)], [(2, 0.3), (3, 0.7)], [(3, 0.5), (4, 0.5)], [(5, 1.0)]])
    expected = ["sliding_attention", "full_attention", "sliding_attention", "sliding_attention"]
    student.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    for model in (student, loaded):
        assert model.config.layer_types == expected
        assert [layer.attention_type for layer in layer_stack(model)] == expected
    assert teacher.config.layer_types == kinds


def test_a_first_layer_without_a_norm_may_come_later_and_the_reverse():
    """ModernBERT's first layer has no input norm: the weight is dropped or left at its start, the rest is copied."""
    teacher = model_of("modernbert")
    student = shallow_copy_of(teacher, [[(2, 1.0)], [(0, 1.0)]])
    first, second = (layer.state_dict() for layer in layer_stack(student))
    assert "attn_norm.weight" not in first
    assert torch.equal(second.pop("attn_norm.weight"), torch.ones(16))
    assert same_weights(second, layer_stack(teacher)[0].state_dict())


@pytest.mark.parametrize(
    ("mix", "heaviest"),
    [([(3, 1.0)], 3), ([(3, 0.3), (4, 0.7)], 4), ([(3, 0.7), (4, 0.3)], 3), ([(3, 0.5), (4, 0.5)], 4)],
)
def test_the_heaviest_layer_is_the_deeper_one_of_equals(mix, heaviest):
    assert heaviest_layer(mix) == heaviest_layer(mix[::-1]) == heaviest


class Towers(PreTrainedModel):
    """An encoder whose layers stand under a name of its own."""

    config_class = PretrainedConfig
    base_model_prefix = "towers"

    def __init__(self, config: PretrainedConfig):
        super().__init__(config)
        self.floors = nn.ModuleList([nn.Linear(2, 2)])
        self.layers = nn.ModuleList()  # an empty list is no stack


def test_an_unknown_architecture_is_told_what_was_looked_for():
    with pytest.raises(UserError) as raised:
        layer_stack(Towers(PretrainedConfig()))
    message = str(raised.value)
    assert "Towers" in message
    for path in ("encoder.layer", "transformer.layer", "layers", "encoder.layers"):
        assert f"towers.{path}" in message
    assert "use an encoder such as" in message


def test_a_model_without_a_base_is_searched_itself():
    encoder = BertForSequenceClassification(tiny_bert_config()).bert
    assert layer_stack(encoder) is encoder.encoder.layer
