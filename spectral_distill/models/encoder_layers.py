"""Where an encoder keeps its layers, for the families that `transformers` offers."""

import copy
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from spectral_distill.core.errors import UserError
from spectral_distill.models.layer_mapping import LayerMix, heaviest_layer

# Below `model.base_model`. BERT, RoBERTa, XLM-R, MPNet, ELECTRA, DeBERTa: encoder.layer; DistilBERT:
# transformer.layer; ModernBERT: layers; and the spellings that newer encoders use.
_STACK_PATHS = ("encoder.layer", "transformer.layer", "layers", "encoder.layers")


def layer_stack(model: PreTrainedModel) -> nn.ModuleList:
    """The encoder layers of a model, first to last. An unknown architecture raises `UserError`."""
    return _follow(model, _stack_path(model))


def depth(model: PreTrainedModel) -> int:
    """The number of encoder layers, D."""
    return len(layer_stack(model))


def run_and_show(model: PreTrainedModel, show: Callable[[torch.Tensor], object], **inputs: torch.Tensor) -> Any:
    """A forward pass that shows the states X^0 (embeddings) .. X^D [B, L, H] between the model's layers, each as soon
    as it is known, and keeps none; returns the outputs.

    They are what goes into each layer, and what comes out of the last. `hidden_states` has the same but for models with
    a norm after the last layer (ModernBERT), where its last is what comes out of that norm: no layer's output, and
    nothing to hold the others against.
    """

    def show_input(_layer: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        show(inputs[0] if inputs else named["hidden_states"])

    def show_output(_layer: nn.Module, _inputs: Any, output: Any) -> None:
        show(output[0] if isinstance(output, tuple) else output)

    layers = layer_stack(model)
    hooks = [layer.register_forward_pre_hook(show_input, with_kwargs=True) for layer in layers]
    hooks.append(layers[-1].register_forward_hook(show_output))
    try:
        return model(**inputs)
    finally:
        for hook in hooks:
            hook.remove()


def run_with_states(model: PreTrainedModel, **inputs: torch.Tensor) -> tuple[Any, list[torch.Tensor]]:
    """A forward pass: the model's outputs, and the states that `run_and_show` shows."""
    states: list[torch.Tensor] = []
    return run_and_show(model, states.append, **inputs), states


def shallow_copy_of(teacher: PreTrainedModel, layers: Sequence[LayerMix]) -> PreTrainedModel:
    """A model of the teacher's architecture whose j-th layer is the weighted mean of `layers[j]` of the teacher.

    Everything outside the layer stack (embeddings, head, final norm) is copied. Architectures that give
    layers different kinds (ModernBERT's local and global attention) take the kind of the heaviest layer.
    """
    state = teacher.state_dict()
    prefix = f"{teacher.base_model_prefix}.{_stack_path(teacher)}."
    student_state = {name: tensor for name, tensor in state.items() if not name.startswith(prefix)}
    for index, mix in enumerate(layers):
        student_state |= {
            f"{prefix}{index}.{name}": tensor for name, tensor in _mixed_layer(state, prefix, mix).items()
        }
    student = AutoModelForSequenceClassification.from_config(_config_with_layers(teacher.config, layers))
    expected = student.state_dict()
    # A layer may lack a weight that its new place has (ModernBERT's first layer has no input norm), and the reverse.
    student.load_state_dict(expected | {name: value for name, value in student_state.items() if name in expected})
    return student.to(dtype=teacher.dtype)


def _stack_path(model: PreTrainedModel) -> str:
    for path in _STACK_PATHS:
        stack = _follow(model, path)
        if isinstance(stack, nn.ModuleList) and len(stack) > 0:
            return path
    looked_for = ", ".join(f"{model.base_model_prefix}.{path}" for path in _STACK_PATHS)
    raise UserError(
        f"model architecture {type(model).__name__}: found no list of encoder layers, looked for {looked_for}; "
        "use an encoder such as BERT, RoBERTa, MPNet, DistilBERT, ELECTRA or ModernBERT"
    )


def _follow(model: PreTrainedModel, path: str) -> Any:
    return reduce(lambda module, name: getattr(module, name, None), path.split("."), model.base_model)


def _mixed_layer(state: dict[str, torch.Tensor], prefix: str, mix: LayerMix) -> dict[str, torch.Tensor]:
    sources = [_layer_state(state, f"{prefix}{layer}.") for layer, _ in mix]
    shared = [name for name in sources[0] if all(name in source for source in sources)]
    weights = [weight for _, weight in mix]
    return {
        name: sum(weight * source[name].float() for weight, source in zip(weights, sources, strict=True)).to(  # type: ignore[union-attr]
            sources[0][name].dtype
        )
        for name in shared
    }


def _layer_state(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _config_with_layers(config: Any, layers: Sequence[LayerMix]) -> Any:
    smaller = copy.deepcopy(config)
    smaller.num_hidden_layers = len(layers)
    kinds = getattr(config, "layer_types", None)
    if kinds:
        smaller.layer_types = [kinds[heaviest_layer(mix)] for mix in layers]
    return smaller
