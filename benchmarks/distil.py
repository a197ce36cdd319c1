"""Capture and distil as the steps do, for the benchmarks that time them."""

from pathlib import Path

from datasets import DatasetDict

from components.capture_signals.capturing import capture
from components.capture_signals.options import SignalOptions
from components.distill_student.distilling import build_student, distill
from components.distill_student.options import StudentOptions
from components.foundation.candidates import Candidate
from components.foundation.selection import Selection
from components.foundation.signals import Signals
from components.foundation.text_model import TextClassifier
from components.foundation.tracking import Run


def capture_for(
    candidate: Candidate, selection: Selection, teacher: TextClassifier, data: DatasetDict, target: Path
) -> None:
    """Write the signals that one candidate needs."""
    capture(
        teacher=teacher,
        data=data,
        candidates=[candidate],
        selections={candidate.name: selection},
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
        signals=Signals(signals, data["train"]["id"]),
        validation_signals=Signals(signals, data["validation"]["id"]),
        selection=selection,
        candidate=candidate,
        options=StudentOptions(student_epochs=epochs),
        run=Run(None),
    )
