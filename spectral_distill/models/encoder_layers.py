"""The encoder layers of the model families in `transformers`."""

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
# transformer.layer; ModernBERT: layers; newer encoders: encoder.layers.
_STACK_PATHS = ("encoder.layer", "transformer.layer", "layers", "encoder.layers")


def layer_stack(model: PreTrainedModel) -> nn.ModuleList:
    """Find the encoder layers of a model.

    Args:
        model: An encoder with a classification head.

    Returns:
        The layers, first to last.

    Raises:
        UserError: The architecture is unknown.
    """
    return _follow(model, _stack_path(model))


def depth(model: PreTrainedModel) -> int:
    """Count the encoder layers of a model.

    Args:
        model: An encoder with a classification head.

    Returns:
        The number of layers, D.

    Raises:
        UserError: The architecture is unknown.
    """
    return len(layer_stack(model))


def run_and_show(model: PreTrainedModel, show: Callable[[torch.Tensor], object], **inputs: torch.Tensor) -> Any:
    """Run a forward pass that passes the states X^0 (embeddings) .. X^D to a callback, and keeps none of them.

    The states are each layer's input and the last layer's output. `hidden_states` holds the same, except for models
    with a norm after the last layer (ModernBERT): its last entry is the output of that norm, which is no layer's output
    and cannot be compared with the others.

    Args:
        model: An encoder with a classification head.
        show: Called with each state [B, L, H] as soon as it is computed.
        **inputs: The model's inputs, [B, L] each.

    Returns:
        The model's outputs.

    Raises:
        UserError: The architecture is unknown.
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
    """Run a forward pass and keep the states X^0 (embeddings) .. X^D (see `run_and_show`).

    Args:
        model: An encoder with a classification head.
        **inputs: The model's inputs, [B, L] each.

    Returns:
        The model's outputs, and D + 1 states [B, L, H].

    Raises:
        UserError: The architecture is unknown.
    """
    states: list[torch.Tensor] = []
    return run_and_show(model, states.append, **inputs), states


def shallow_copy_of(teacher: PreTrainedModel, layers: Sequence[LayerMix]) -> PreTrainedModel:
    """Make a shallower model whose layer j is the weighted mean of the teacher's layers in `layers[j]`.

    Everything outside the layer stack (embeddings, head, final norm) is copied. In architectures with several kinds of
    layers (ModernBERT's local and global attention), a layer takes the kind of its source with the largest weight.

    Args:
        teacher: The model to copy.
        layers: For each layer of the new model, (teacher layer, weight) pairs.

    Returns:
        A model of the teacher's architecture and dtype with `len(layers)` layers.

    Raises:
        UserError: The architecture is unknown.
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
    # A layer may lack a weight that its new position has (ModernBERT's first layer has no input norm), and vice versa.
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
