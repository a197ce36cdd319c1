"""A new head that starts from a linear probe: fine-tuning then need not bend the encoder to a random head
(LP-FT, Kumar et al. 2022, arXiv 2202.10054)."""

import numpy as np
import torch
from datasets import Dataset
from sklearn.linear_model import LogisticRegression
from torch import nn

from spectral_distill.models.precision import inference_in
from spectral_distill.models.text_classifier import TextClassifier

_ITERATIONS = 200


def start_from_probe(classifier: TextClassifier, train: Dataset) -> None:
    """Fit the last linear layer by logistic regression on what the untrained classifier feeds it, in place.

    Every class of the head must occur in `train`. Heads without one such layer stay as they are.
    """
    head = output_layer(classifier)
    if head is None:
        return
    features = _inputs_of(head, classifier, train["text"])
    probe = LogisticRegression(max_iter=_ITERATIONS).fit(features, train["label"])
    weight, bias = probe.coef_, probe.intercept_
    if len(weight) == 1:  # two classes: one score, of the second
        weight, bias = np.vstack([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        if head.bias is not None:
            head.bias.copy_(torch.from_numpy(bias))


def output_layer(classifier: TextClassifier) -> nn.Linear | None:
    """The linear layer that writes the class scores, where exactly one layer could."""
    classes = classifier.model.config.num_labels
    found = [
        module
        for module in classifier.model.modules()
        if isinstance(module, nn.Linear) and module.out_features == classes
    ]
    return found[0] if len(found) == 1 else None


def _inputs_of(head: nn.Linear, classifier: TextClassifier, texts: list[str]) -> np.ndarray:
    """What the layer is given for each text: float32 [texts, in_features]."""
    seen: list[torch.Tensor] = []
    hook = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    features = np.empty((len(texts), head.in_features), dtype=np.float32)
    classifier.model.eval()
    try:
        with inference_in(classifier.precision):
            for positions, batch in classifier.batches(texts, 64, "probe"):
                classifier.model(**batch)
                features[positions] = seen.pop().float().cpu().numpy()
    finally:
        hook.remove()
    return features
