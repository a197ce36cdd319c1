"""`capture_signals`: which teacher layers each candidate gets, and what the teacher gives all of them to learn from."""

from typing import Any

from components.frame import step
from spectral_distill.core.settings import SignalOptions
from spectral_distill.data.dataset import load_intents
from spectral_distill.distillation.candidates import parse_candidates
from spectral_distill.distillation.capturing import capture
from spectral_distill.models.text_classifier import load_classifier
from spectral_distill.selection.strategies import select
from spectral_distill.spectra.profile import load_profile
from spectral_distill.tracking.pipeline_run import task_run


def select_and_capture(settings: dict[str, Any], dataset: str, teacher: str, profile: str, signals: str) -> None:
    """Write selections and signals to the folder `signals`."""
    values = dict(settings)
    raw, versions = values.pop("candidates"), values.pop("student_versions")
    with step("capture_signals"), task_run("capture_signals", role="task") as run:
        candidates, spectra = parse_candidates(raw), load_profile(profile)
        selections = {candidate.name: select(spectra, candidate) for candidate in candidates}
        facts = capture(
            teacher=load_classifier(teacher),
            data=load_intents(dataset),
            candidates=candidates,
            selections=selections,
            options=SignalOptions(**values),
            checkpoints=versions,
            target=signals,
        )
        run.parameters(facts.model_dump(exclude={"schema_version", "features"}))
