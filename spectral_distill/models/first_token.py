"""Run the last layer's feed-forward network for the first token only.

The classification heads of the families below read the first token alone. What the last feed-forward network computes
for other tokens reaches no logit and gets no gradient. That network has two thirds of its layer's weights, so skipping
the other tokens saves two ninths of the work of a student with three layers.
"""

from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel

from spectral_distill.models.encoder_layers import layer_stack

# In their layers, `attention` ends with its own residual connection, and everything after it works token by token.
_FAMILIES = ("bert", "camembert", "electra", "mpnet", "roberta", "xlm-roberta")


def run_for_logits(model: PreTrainedModel, **inputs: Tensor) -> Any:
    """Run a forward pass when only the logits are needed.

    Args:
        model: An encoder with a classification head. Of a family that is not listed here, all tokens are computed.
        **inputs: The model's inputs, [B, L] each.

    Returns:
        The model's outputs. In the families listed here, the last hidden state holds the first token only.
    """
    if model.config.model_type not in _FAMILIES:
        return model(**inputs)
    hook = layer_stack(model)[-1].get_submodule("attention").register_forward_hook(_first_token)
    try:
        return model(**inputs)
    finally:
        hook.remove()


def _first_token(_attention: nn.Module, _inputs: Any, output: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    states, *others = output
    return (states[:, :1], *others)
