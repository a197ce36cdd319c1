"""A candidate's name tells its configuration, and nothing that plays no part in it."""

import pytest

from spectral_distill.distillation.candidates import parse_candidate


def name_of(**values: object) -> str:
    return parse_candidate({"strategy": "uniform", "layers": 3, **values}).name


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "uniform-3L-s0"),
        ({"seed": 7}, "uniform-3L-s7"),
        ({"strategy": "manual", "teacher_layers": [0, 2, 5]}, "manual-3L-0-2-5-s0"),
        ({"alignment": "spectral", "alignment_weight": 2.5}, "uniform-3L-spectral-aw2.5-s0"),
        ({"alignment": "band_limited", "alignment_bins": 4}, "uniform-3L-band_limited-bins4-s0"),
        ({"alignment": "cosine", "aligned_layers": "last"}, "uniform-3L-cosine-align_last-s0"),
        ({"ce_weight": 0.5, "temperature": 4, "final_temperature": 1}, "uniform-3L-ce0.5-T4-T_to_1-s0"),
        ({"student": "models/tiny-bert"}, "uniform-3L-models-tiny-bert-s0"),
    ],
)
def test_a_name_lists_what_is_not_the_default(values, name):
    assert name_of(**values) == name


@pytest.mark.parametrize(
    ("values", "ignored"),
    [
        ({}, {"alignment_weight": 3.0, "final_alignment_weight": 0.0, "alignment_bins": 2, "aligned_layers": "last"}),
        ({"alignment": "spectral"}, {"alignment_bins": 2}),
        ({"ce_weight": 1.0, "kl_weight": 0.0}, {"temperature": 5.0, "final_temperature": 1.0}),
    ],
    ids=["nothing is aligned", "no band", "no teacher"],
)
def test_settings_without_a_part_do_not_make_another_student(values, ignored):
    assert name_of(**values, **ignored) == name_of(**values)
