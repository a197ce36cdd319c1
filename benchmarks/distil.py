"""Capture and distil as the steps do, for the benchmarks that time them."""

from collections.abc import Sequence
from pathlib import Path

from datasets import DatasetDict

from components.capture_signals.capturing import capture
from components.distill_student.distilling import build_student, distill
from components.foundation.candidates import Candidate
from components.foundation.selection import Selection
from components.foundation.settings import SignalOptions, StudentOptions
from components.foundation.text_model import TextClassifier
from components.foundation.tracking import Run


def candidate_of(layers: Sequence[int], alignment: str) -> tuple[Candidate, Selection]:
    """A candidate that keeps these of twelve layers, and its selection."""
    candidate = Candidate(strategy="manual", layers=len(layers), teacher_layers=list(layers), alignment=alignment)
    return candidate, Selection(strategy="manual", depth=12, layers=[[(layer, 1.0)] for layer in layers])


def capture_for(
    candidates: Sequence[tuple[Candidate, Selection]], teacher: TextClassifier, data: DatasetDict, target: Path
) -> None:
    """Write the signals that these candidates need."""
    capture(
        teacher=teacher,
        data=data,
        candidates=[candidate for candidate, _ in candidates],
        selections={candidate.name: selection for candidate, selection in candidates},
        options=SignalOptions(),
        checkpoints={},
        target=target,
    )


def distil(
    candidate: Candidate, selection: Selection, teacher: TextClassifier, data: DatasetDict, signals: Path, epochs: int
) -> None:
    """Build the student and train it, with validation and checkpoint in every epoch."""
    distill(
        teacher=teacher,
        student=build_student(teacher, selection, candidate, {}),
        data=data,
        signals=signals,
        selection=selection,
        candidate=candidate,
        options=StudentOptions(student_epochs=epochs),
        run=Run(None),
    )
