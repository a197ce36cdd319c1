"""How far a student's spectra are from its teacher's, at every layer."""

import pytest
import torch
from transformers import BertForSequenceClassification

from spectral_distill.evaluation.artifact import LayerFidelity
from spectral_distill.evaluation.fidelity import spectral_fidelity
from spectral_distill.models.encoder_layers import shallow_copy_of
from spectral_distill.models.text_classifier import TextClassifier
from spectral_distill.selection.mapping import Selection
from spectral_distill.spectra.profile import SpectralProfile, profile_classifier
from tests.support.artifacts import profile_facts
from tests.support.models import tiny_bert_config


def measured(classifier: TextClassifier, texts: list[str]) -> SpectralProfile:
    return profile_classifier(classifier, texts, bins=0, clip_sigmas=4.0)


def profile(channel: list[list[float]], token: list[list[float]]) -> SpectralProfile:
    """Fingerprints of the embeddings and each layer; an even number of channels, and 2 token points (2 bins)."""
    arrays = {"channel/state/raw/fingerprint": channel, "token/state/raw/fingerprint": token}
    return SpectralProfile(
        arrays={name: torch.tensor(values, dtype=torch.float64) for name, values in arrays.items()},
        facts=profile_facts(depth=len(channel) - 1, channels=2 * len(channel[0]) - 2, token_grid_points=2),
    )


def test_a_model_is_no_distance_from_itself(tiny_classifier, tiny_data):
    same = Selection(strategy="first", depth=4, layers=[[(layer, 1.0)] for layer in range(4)])
    whole = measured(tiny_classifier, tiny_data["train"]["text"][:10])
    rows = spectral_fidelity(whole, whole, same)
    assert [row.student_layer for row in rows] == [-1, 0, 1, 2, 3]
    assert all(row.channel == row.token == 0 for row in rows)


def test_the_first_layers_of_a_teacher_are_no_distance_from_it_and_later_ones_are(tiny_classifier, tiny_data):
    texts = tiny_data["train"]["text"][:10]
    chosen = Selection(strategy="manual", depth=4, layers=[[(0, 1.0)], [(1, 1.0)], [(3, 1.0)]])
    model = shallow_copy_of(tiny_classifier.model, chosen.layers)
    student = measured(TextClassifier(model=model, tokenizer=tiny_classifier.tokenizer), texts)
    rows = spectral_fidelity(student, measured(tiny_classifier, texts), chosen)
    assert [row.channel for row in rows[:3]] == pytest.approx([0, 0, 0], abs=1e-6)
    assert [row.token for row in rows[:3]] == pytest.approx([0, 0, 0], abs=1e-6)
    assert rows[3].channel > 1e-3 and rows[3].token > 1e-3


def test_distances_by_hand():
    teacher = profile([[1, 1, 1], [2, 2, 2], [4, 0, 0]], [[1, 1], [3, 4], [1, 0]])
    student = profile([[1, 1, 2], [2, 3, 2]], [[1, 1], [3, 4]])
    mixed = Selection(strategy="average_pairs", depth=2, layers=[[(0, 0.5), (1, 0.5)]])
    embeddings, layer = spectral_fidelity(student, teacher, mixed)
    # Channel bins weigh 1, 2, 1 (4 channels), token bins 1, 1 (2 points).
    assert embeddings == LayerFidelity(student_layer=-1, teacher_layers=[(-1, 1.0)], channel=0.5, token=0)
    assert (layer.student_layer, layer.teacher_layers) == (0, [(0, 0.5), (1, 0.5)])
    # The mix is [3, 1, 1] and [2, 2]; the differences [-1, 2, 1] and [1, 2].
    assert layer.channel == pytest.approx(((1 + 2 * 4 + 1) / (9 + 2 + 1)) ** 0.5)
    assert layer.token == pytest.approx((5 / 8) ** 0.5)


def test_a_narrower_student_is_held_against_the_teacher_at_its_own_frequencies():
    """Of 8 channels the teacher knows 0, 1/8 .. 4/8 cycles per channel, of 6 the student 0, 1/6 .. 3/6."""
    teacher = profile([[1, 2, 3, 4, 5], [0, 3, 0, 0, 0]], [[1, 1], [2, 2]])
    student = profile([[1, 7 / 3, 11 / 3, 6], [0, 2, 0, 0]], [[1, 1], [1, 2]])
    embeddings, layer = spectral_fidelity(student, teacher, Selection(strategy="x", depth=1, layers=[[(0, 1.0)]]))
    # 1/6 lies a third of the way from 1/8 to 2/8, and 2/6 two thirds from 2/8 to 3/8. Bins weigh 1, 2, 2, 1.
    assert embeddings.channel == pytest.approx((1 / (1 + 2 * 49 / 9 + 2 * 121 / 9 + 25)) ** 0.5)
    assert layer.channel == pytest.approx(0, abs=1e-12)
    assert layer.token == pytest.approx((1 / 8) ** 0.5)


def test_a_student_of_another_width_has_fidelity(tiny_classifier, tiny_data):
    texts = tiny_data["train"]["text"][:10]
    config = tiny_bert_config(hidden_size=16, num_hidden_layers=2)
    narrow = TextClassifier(model=BertForSequenceClassification(config).eval(), tokenizer=tiny_classifier.tokenizer)
    chosen = Selection(strategy="uniform", depth=4, layers=[[(0, 1.0)], [(3, 1.0)]])
    rows = spectral_fidelity(measured(narrow, texts), measured(tiny_classifier, texts), chosen)
    assert all(0 < getattr(row, axis) < 10 for row in rows for axis in ("channel", "token"))
