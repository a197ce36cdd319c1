"""Checks of students that start from checkpoints of their own. They run before the first student is trained."""

from collections.abc import Mapping, Sequence

from spectral_distill.core.errors import UserError
from spectral_distill.distillation.candidates import Candidate, check_student_depth
from spectral_distill.models.encoder_layers import depth
from spectral_distill.models.starting_checkpoint import load_starting_checkpoint
from spectral_distill.models.text_classifier import TextClassifier


def check_students(
    candidates: Sequence[Candidate], pinned: Mapping[str, str], teacher: TextClassifier, texts: Sequence[str]
) -> None:
    """Check that each candidate with a checkpoint of its own can learn from this teacher.

    Args:
        candidates: All candidates; those that take the teacher's layers need no check.
        pinned: Pinned version of each checkpoint, by URI.
        teacher: The teacher.
        texts: Texts on which the two tokenizers are compared.

    Raises:
        UserError: A checkpoint has too few layers, its tokenizer or width does not suit the candidate's alignment, or
            it cannot be loaded.
    """
    for uri in sorted({candidate.student for candidate in candidates if candidate.student}):
        student = load_starting_checkpoint(uri, pinned, teacher)
        starting = [candidate for candidate in candidates if candidate.student == uri]
        for candidate in starting:
            check_student_depth(candidate, depth(student.model), f"candidate {candidate.name}")
        _check_tokens(starting, student, teacher, texts)
        _check_bands(starting, student, teacher)


def _check_tokens(
    candidates: Sequence[Candidate], student: TextClassifier, teacher: TextClassifier, texts: Sequence[str]
) -> None:
    """Check that both tokenizers split texts alike: only then can hidden states be compared token by token."""
    by_token = [candidate for candidate in candidates if candidate.alignment not in ("none", "pooled")]
    if by_token and student.token_spans(texts) != teacher.token_spans(texts):
        raise UserError(
            f"{_where(by_token[0])}: the tokenizers of teacher and {by_token[0].student} cut texts differently; "
            "expected none or pooled"
        )


def _check_bands(candidates: Sequence[Candidate], student: TextClassifier, teacher: TextClassifier) -> None:
    """Check that both models have the same width: only then are their channel frequencies the same."""
    mine, theirs = student.model.config.hidden_size, teacher.model.config.hidden_size
    banded = [candidate for candidate in candidates if candidate.alignment == "band_limited"]
    if banded and mine != theirs:
        raise UserError(
            f"{_where(banded[0])}: found {mine} channels under a teacher of {theirs}, expected the same width; "
            "use hidden_mse, which pools channels"
        )


def _where(candidate: Candidate) -> str:
    return f"candidate {candidate.name}: alignment {candidate.alignment}"
