"""How a student was made: `distillation.json`, beside the files of `save_pretrained`."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ValidatorFunctionWrapHandler, WrapValidator

from spectral_distill.core.settings import StudentOptions
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.distillation.signals_facts import SignalsFacts
from spectral_distill.selection.mapping import Selection
from spectral_distill.storage.artifacts import Artifact


def _as_recorded(value: Any, check: ValidatorFunctionWrapHandler) -> Candidate:
    """Accept a recorded candidate without the checks of new ones.

    It passed them before it was trained, and its strategy need not be installed where an artifact is read.

    Returns:
        The candidate.
    """
    if isinstance(value, Candidate):
        return value
    if isinstance(value, dict) and value.keys() == Candidate.model_fields.keys():
        return Candidate.model_construct(**value)
    return check(value)


RecordedCandidate = Annotated[Candidate, WrapValidator(_as_recorded)]
"""A candidate as an artifact holds it."""


class StudentDescription(Artifact):
    """How a student was made.

    Attributes:
        candidate: The candidate's settings.
        selection: The layer mapping that the student was built and aligned with.
        settings: Settings of the training.
        signals: The facts of the teacher signals that it learned from.
    """

    KIND: ClassVar[str] = "student"
    FILE: ClassVar[str] = "distillation.json"

    schema_version: Literal[1] = 1
    candidate: RecordedCandidate
    selection: Selection
    settings: StudentOptions
    signals: SignalsFacts
