"""The anchor that costs nothing to train: the teacher's checkpoint as it came, frozen, and a linear classifier."""

import tempfile
from pathlib import Path

import numpy as np
from datasets import Dataset, DatasetDict
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from components.foundation import checkpoints
from components.foundation.features import extract
from components.foundation.intents import class_names
from components.foundation.precision import fast_inference, full_products
from components.foundation.settings import Settings
from components.foundation.text_model import TextClassifier, load_classifier


def frozen_answers(settings: Settings, data: DatasetDict) -> np.ndarray:
    """The class that a linear SVM over mean-pooled, normalised features gives each test text."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = checkpoints.fetch(settings.teacher, checkpoints.version(settings.teacher), Path(scratch))
        encoder = load_classifier(folder, max_tokens=settings.teacher_max_tokens, labels=class_names(data))
        svm = LinearSVC().fit(_features(encoder, data["train"]), data["train"]["label"])
        return svm.predict(_features(encoder, data["test"]))


def _features(encoder: TextClassifier, split: Dataset) -> np.ndarray:
    """Unit-length mean-pooled last hidden states, [texts, H]."""
    features = np.empty((len(split), encoder.model.config.hidden_size), dtype=np.float32)
    encoder.model.eval()
    with fast_inference():
        for positions, batch in encoder.batches(split["text"], 64):
            states = encoder.model(**batch, output_hidden_states=True).hidden_states[-1]
            with full_products():
                features[positions] = extract("pooled", states, batch["attention_mask"])[0][:, 0].cpu().numpy()
    return normalize(features)
