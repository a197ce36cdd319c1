"""`capture_signals`: which teacher layers each candidate gets, and what the teacher gives all of them to learn from."""

from typing import Any

from components.capture_signals.capturing import capture
from components.foundation.candidates import parse_candidates
from components.foundation.intents import load_intents
from components.foundation.settings import SignalOptions
from components.foundation.spectral_profile import load_profile
from components.foundation.step import step
from components.foundation.text_model import load_classifier
from components.foundation.tracking import task_run
from components.select_layers.strategies import select


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
        run.parameters(facts)
