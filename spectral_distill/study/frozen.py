"""The anchor without training: the teacher's pretrained checkpoint, frozen, with a linear classifier."""

import tempfile
from pathlib import Path

import numpy as np
from datasets import Dataset, DatasetDict
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from spectral_distill.data.dataset import class_names
from spectral_distill.distillation.features import extract
from spectral_distill.models import checkpoints
from spectral_distill.models.precision import Precision, full_products, inference_in
from spectral_distill.models.text_classifier import TextClassifier, load_classifier
from spectral_distill.run_settings import Settings


def frozen_answers(settings: Settings, data: DatasetDict, precision: Precision) -> np.ndarray:
    """Fit a linear SVM on the frozen encoder's mean-pooled, normalised features, and predict the test split.

    Args:
        settings: The study's settings, which name the checkpoint.
        data: The prepared dataset.
        precision: Format of the encoder's matrix products.

    Returns:
        Predicted classes of the test texts, int [texts].

    Raises:
        UserError: The checkpoint cannot be read.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = checkpoints.fetch(settings.teacher, checkpoints.version(settings.teacher), Path(scratch))
        encoder = load_classifier(
            folder, max_tokens=settings.teacher_max_tokens, labels=class_names(data), precision=precision
        )
        svm = LinearSVC().fit(_features(encoder, data["train"]), data["train"]["label"])
        return svm.predict(_features(encoder, data["test"]))


def _features(encoder: TextClassifier, split: Dataset) -> np.ndarray:
    """Compute the mean-pooled last hidden states at unit length, [texts, H]."""
    features = np.empty((len(split), encoder.model.config.hidden_size), dtype=np.float32)
    encoder.model.eval()
    with inference_in(encoder.precision):
        for positions, batch in encoder.batches(split["text"], 64):
            states = encoder.model(**batch, output_hidden_states=True).hidden_states[-1]
            with full_products():
                features[positions] = extract("pooled", states, batch["attention_mask"])[0][:, 0].cpu().numpy()
    return normalize(features)
