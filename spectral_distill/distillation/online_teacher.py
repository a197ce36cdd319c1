"""A teacher that runs in every step, where its hidden states could not be recorded."""

from collections.abc import Sequence

import torch
from torch import Tensor

from spectral_distill.distillation.features import extract
from spectral_distill.models.encoder_layers import run_with_states
from spectral_distill.models.precision import products_in
from spectral_distill.models.text_classifier import TextClassifier


class OnlineTeacher:
    """Answers as recorded `Signals` do, by running the teacher on its own tokens of the texts."""

    def __init__(self, teacher: TextClassifier, texts: Sequence[str]):
        teacher.model.eval()
        self._teacher, self._token_ids = teacher, teacher.tokenize(texts)

    def batch(self, name: str, layers: Sequence[int], indices: Sequence[int], mask: Tensor) -> dict[int, Tensor]:
        """See `Signals.batch`."""
        inputs = self._teacher.collate([self._token_ids[index] for index in indices])
        with torch.no_grad(), products_in(self._teacher.precision):
            _, (_, *states) = run_with_states(self._teacher.model, **inputs)
        return {layer: _placed(*extract(name, states[layer], inputs["attention_mask"]), mask) for layer in layers}


def _placed(features: Tensor, own_mask: Tensor, mask: Tensor) -> Tensor:
    """Features [B, L', W] of the teacher's batch where the student's real rows are [B, L], zero where padded: two
    tokenizers may pad on different sides."""
    placed = features.new_zeros(*mask.shape, features.shape[-1])
    placed[mask.bool()] = features[own_mask.bool()]
    return placed
