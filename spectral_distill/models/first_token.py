"""Training that runs the last layer's feed-forward network for the token that is read, and for no other.

The heads of these families read the first token alone. What the last feed-forward network, two thirds of its layer's
weights, makes of the other tokens reaches no logit and sends back no gradient: of a student of three layers that is
two ninths of the work.
"""

from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel

from spectral_distill.models.encoder_layers import layer_stack

# Their layers have `attention`, which ends with its own residual connection, and what follows it is token by token.
_FAMILIES = ("bert", "camembert", "electra", "mpnet", "roberta", "xlm-roberta")


def run_for_logits(model: PreTrainedModel, **inputs: Tensor) -> Any:
    """A forward pass for its logits. In the families above, the last state lacks all tokens but the first; any other
    model is run whole."""
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
