"""Artifacts of which only some facts matter to a test."""

from collections.abc import Mapping
from typing import Any

from spectral_distill.core.settings import PreparationOptions
from spectral_distill.data.card import Cleaning, DataCard
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.distillation.signals_facts import Feature, SignalsFacts
from spectral_distill.evaluation.artifact import Evaluation
from spectral_distill.spectra.profile_facts import ProfileFacts
from tests.support.dataset import LABELS


def profile_facts(**known: Any) -> ProfileFacts:
    """Facts of a profile of which only these matter."""
    counts = ("depth", "channels", "texts", "tokens", "token_stride", "sample_texts", "cka_texts", "bins", "bands")
    others = {"clip_sigmas": 1.0, "token_grid_points": 0, "normalisation": "", "frequency_unit": {}}
    return ProfileFacts(**dict.fromkeys(counts, 0) | others | known)


def signals_facts(features: Mapping[str, Feature], **known: Any) -> SignalsFacts:
    """Facts of signals of which only these matter."""
    nothing: dict[str, Any] = {"texts": 0, "tokens": 0, "depth": 0, "gib": {}, "over_budget": [], "checkpoints": {}}
    return SignalsFacts(**nothing | {"signals_budget_gib": 0.0, "features": dict(features)} | known)


def tiny_card() -> DataCard:
    """A data card of the tiny intents that counts nothing."""
    return DataCard(
        source="tiny", version="", further_sources={}, labels=LABELS, splits={}, cleaning=Cleaning(rows_read={}),
        settings=PreparationOptions(),
    )  # fmt: skip


def student_evaluation(candidate: Candidate, **known: Any) -> Evaluation:
    """An evaluation of which only these matter; the student is a tenth of the teacher's size, three times as fast."""
    latency = {f"{who}_{name}": 1.0 for who in ("student", "teacher") for name in ("p50_ms", "p95_ms", "texts_per_s")}
    scores = {"accuracy": 0.9, "macro_f1": 0.9, "ece": 0.1, "agreement": 0.9, "retention": 0.95}
    nothing: dict[str, Any] = {
        "name": candidate.name, "configuration": candidate.configuration, "candidate": candidate, "settings": {},
        "signals": signals_facts({}), "scores": scores, "teacher_layers": [], "fidelity": [],
        "size": {"parameters": 5, "bytes": 20, "teacher_parameters": 50, "teacher_bytes": 200},
        "speed": {size: {**latency, "speedup": 3.0} for size in ("batch_1", "batch_32")},
    }  # fmt: skip
    return Evaluation.model_validate(nothing | known)
