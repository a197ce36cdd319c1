"""A new classification head that starts from a linear probe.

Fine-tuning then does not have to bend the encoder to a random head (LP-FT, Kumar et al. 2022,
https://arxiv.org/abs/2202.10054).
"""

import numpy as np
import torch
from datasets import Dataset
from sklearn.linear_model import LogisticRegression
from torch import nn

from spectral_distill.models.precision import inference_in
from spectral_distill.models.text_classifier import TextClassifier

_ITERATIONS = 200


def start_from_probe(classifier: TextClassifier, train: Dataset) -> None:
    """Fit the last linear layer in place, by logistic regression on the inputs that the untrained classifier gives it.

    Heads without exactly one such layer stay unchanged.

    Args:
        classifier: The classifier.
        train: Labelled examples with the columns `text` and `label`. Every class of the head must occur.
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
    """Find the linear layer that computes the logits.

    Args:
        classifier: The classifier.

    Returns:
        The only linear layer with as many outputs as there are classes; None if there is no such layer, or several.
    """
    classes = classifier.model.config.num_labels
    found = [
        module
        for module in classifier.model.modules()
        if isinstance(module, nn.Linear) and module.out_features == classes
    ]
    return found[0] if len(found) == 1 else None


def _inputs_of(head: nn.Linear, classifier: TextClassifier, texts: list[str]) -> np.ndarray:
    """Record the layer's input for each text.

    Returns:
        The inputs, float32 [texts, in_features].
    """
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
