"""A teacher that runs in every training step, for hidden states that were not recorded."""

from collections.abc import Sequence

import torch
from torch import Tensor

from spectral_distill.distillation.features import extract
from spectral_distill.models.encoder_layers import run_with_states
from spectral_distill.models.precision import products_in
from spectral_distill.models.text_classifier import TextClassifier


class OnlineTeacher:
    """Provides hidden states like the recorded `Signals`, by running the teacher on its own tokens of the texts.

    Args:
        teacher: The teacher. It is set to evaluation mode.
        texts: The texts that the student trains on, in order.
    """

    def __init__(self, teacher: TextClassifier, texts: Sequence[str]):
        teacher.model.eval()
        self._teacher, self._token_ids = teacher, teacher.tokenize(texts)

    def batch(self, name: str, layers: Sequence[int], indices: Sequence[int], mask: Tensor) -> dict[int, Tensor]:
        """Compute a feature of some teacher layers for a batch.

        Args:
            name: Name of the feature (see `features`).
            layers: Teacher layers, counted from 0.
            indices: Positions of the batch's texts in `texts`.
            mask: The feature's mask in the student's batch [B, L], 1 = real row.

        Returns:
            The feature by layer, [B, L, W] each; 0 where padded.
        """
        inputs = self._teacher.collate([self._token_ids[index] for index in indices])
        with torch.no_grad(), products_in(self._teacher.precision):
            _, (_, *states) = run_with_states(self._teacher.model, **inputs)
        return {layer: _placed(*extract(name, states[layer], inputs["attention_mask"]), mask) for layer in layers}


def _placed(features: Tensor, own_mask: Tensor, mask: Tensor) -> Tensor:
    """Move features [B, L', W] to the places of the student's real rows [B, L], and fill the others with 0.

    Two tokenizers may pad on different sides.

    Returns:
        The features [B, L, W].
    """
    placed = features.new_zeros(*mask.shape, features.shape[-1])
    placed[mask.bool()] = features[own_mask.bool()]
    return placed
