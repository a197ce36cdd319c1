"""How far a student's spectra are from its teacher's, at every layer."""

import pytest
import torch

from components.evaluate_student.fidelity import spectral_fidelity
from components.foundation.layer_stack import shallow_copy_of
from components.foundation.selection import Selection
from components.foundation.spectral_profile import SpectralProfile, profile_classifier
from components.foundation.text_model import TextClassifier


def measured(classifier: TextClassifier, texts: list[str]) -> SpectralProfile:
    return profile_classifier(classifier, texts, bins=0, clip_sigmas=4.0)


def profile(channel: list[list[float]], token: list[list[float]]) -> SpectralProfile:
    """Fingerprints of the embeddings and each layer; 4 channels (3 bins) and 2 token points (2 bins)."""
    arrays = {"channel/state/raw/fingerprint": channel, "token/state/raw/fingerprint": token}
    return SpectralProfile(
        arrays={name: torch.tensor(values, dtype=torch.float64) for name, values in arrays.items()},
        facts={"depth": len(channel) - 1, "channels": 4, "token_grid_points": 2},
    )


def test_a_model_is_no_distance_from_itself(tiny_classifier, tiny_data):
    same = Selection(strategy="first", depth=4, layers=[[(layer, 1.0)] for layer in range(4)])
    whole = measured(tiny_classifier, tiny_data["train"]["text"][:10])
    rows = spectral_fidelity(whole, whole, same)
    assert [row["student_layer"] for row in rows] == [-1, 0, 1, 2, 3]
    assert all(row["channel"] == row["token"] == 0 for row in rows)


def test_the_first_layers_of_a_teacher_are_no_distance_from_it_and_later_ones_are(tiny_classifier, tiny_data):
    texts = tiny_data["train"]["text"][:10]
    chosen = Selection(strategy="manual", depth=4, layers=[[(0, 1.0)], [(1, 1.0)], [(3, 1.0)]])
    model = shallow_copy_of(tiny_classifier.model, chosen.layers)
    student = measured(TextClassifier(model=model, tokenizer=tiny_classifier.tokenizer), texts)
    rows = spectral_fidelity(student, measured(tiny_classifier, texts), chosen)
    assert [row["channel"] for row in rows[:3]] == pytest.approx([0, 0, 0], abs=1e-6)
    assert [row["token"] for row in rows[:3]] == pytest.approx([0, 0, 0], abs=1e-6)
    assert rows[3]["channel"] > 1e-3 and rows[3]["token"] > 1e-3


def test_distances_by_hand():
    teacher = profile([[1, 1, 1], [2, 2, 2], [4, 0, 0]], [[1, 1], [3, 4], [1, 0]])
    student = profile([[1, 1, 2], [2, 3, 2]], [[1, 1], [3, 4]])
    mixed = Selection(strategy="average_pairs", depth=2, layers=[[(0, 0.5), (1, 0.5)]])
    embeddings, layer = spectral_fidelity(student, teacher, mixed)
    # Channel bins weigh 1, 2, 1 (4 channels), token bins 1, 1 (2 points).
    assert embeddings == {"student_layer": -1, "teacher_layers": [[-1, 1.0]], "channel": pytest.approx(0.5), "token": 0}
    assert (layer["student_layer"], layer["teacher_layers"]) == (0, [[0, 0.5], [1, 0.5]])
    # The mix is [3, 1, 1] and [2, 2]; the differences [-1, 2, 1] and [1, 2].
    assert layer["channel"] == pytest.approx(((1 + 2 * 4 + 1) / (9 + 2 + 1)) ** 0.5)
    assert layer["token"] == pytest.approx((5 / 8) ** 0.5)
