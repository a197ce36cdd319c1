"""Students that start from checkpoints of their own and cannot be taught are refused before the first is trained."""

from collections.abc import Callable
from pathlib import Path

import pytest

from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import SignalOptions
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.distillation.capturing import capture
from spectral_distill.distillation.losses import ALIGNMENTS
from spectral_distill.models import checkpoints
from spectral_distill.selection.mapping import Selection
from tests.support.models import save_tiny_encoder, tiny_tokenizer

TOKENIZERS = {
    "narrow": tiny_tokenizer(),
    "foreign": tiny_tokenizer(letters_only=True),
    "renumbered": tiny_tokenizer(backwards=True),
}


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Checkpoints of three layers, half as wide as the teacher: with its tokenizer, with one that cuts texts otherwise,
    and with one that cuts as it does but numbers the pieces otherwise."""
    folder = tmp_path_factory.mktemp("checkpoints")
    return {name: save_tiny_encoder(folder / name, tokenizer) for name, tokenizer in TOKENIZERS.items()}


@pytest.fixture
def capture_for(tiny_classifier, tiny_data, encoders, tmp_path):
    """Capture for a candidate that starts from one of the encoders, beside one that takes the teacher's layers."""

    def captured(encoder: str, alignment: str = "none", layers: int = 2) -> Path:
        wanted = Candidate(strategy="uniform", layers=layers, student=encoders[encoder], alignment=alignment)
        candidates = [Candidate(strategy="uniform", layers=2), wanted]
        selection = Selection(strategy="uniform", depth=4, layers=[[(0, 1.0)], [(3, 1.0)]])
        capture(
            teacher=tiny_classifier, data=tiny_data, candidates=candidates,
            selections=dict.fromkeys((one.name for one in candidates), selection), options=SignalOptions(),
            checkpoints={wanted.student: checkpoints.version(wanted.student)}, target=tmp_path / "signals",
        )  # fmt: skip
        return tmp_path / "signals"

    return captured


@pytest.mark.parametrize(
    ("encoder", "alignments"),
    [
        ("narrow", [name for name in ["none", *ALIGNMENTS] if name != "band_limited"]),
        ("renumbered", [name for name in ["none", *ALIGNMENTS] if name != "band_limited"]),
        ("foreign", ["none", "pooled"]),
    ],
)
def test_what_can_be_taught_is_captured(encoder, alignments, capture_for):
    for alignment in alignments:
        assert (capture_for(encoder, alignment) / "signals.arrow").is_file()


def refusal(capture_for: Callable[..., Path], *wanted: str) -> str:
    with pytest.raises(UserError) as refused:
        capture_for(*wanted)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("alignment", [name for name in ALIGNMENTS if name != "pooled"])
def test_token_by_token_alignment_needs_the_same_cuts(alignment, capture_for, encoders, tmp_path):
    words = refusal(capture_for, "foreign", alignment)
    cut = f"alignment {alignment}: the tokenizers of teacher and {encoders['foreign']} cut texts differently"
    assert words.startswith("candidate uniform-2L-") and cut in words
    assert words.endswith("expected none or pooled")
    assert not (tmp_path / "signals").exists()


def test_bands_need_the_same_width(capture_for):
    words = refusal(capture_for, "narrow", "band_limited")
    assert "found 16 channels under a teacher of 32, expected the same width" in words


def test_more_layers_than_the_checkpoint_has_are_refused(capture_for):
    """Where it lies on this machine, `resolve_data` says so at once."""
    with pytest.raises(UserError, match=r"layers: found 4.*at most 3, the depth of .*narrow$"):
        capture_for("narrow", layers=4)
