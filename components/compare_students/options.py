"""When a student is better, and when it is promoted."""

from pydantic import Field

from components.foundation.options import Options


class ComparisonOptions(Options):
    """How sure a difference must be."""

    confidence: float = Field(
        0.95, ge=0.5, lt=1, description="Confidence of intervals; 1 - confidence is the level of tests."
    )


class PromotionOptions(Options):
    """What a student must show to become champion."""

    registered_model: str = Field(
        "intent-student", pattern=r"^[^/:@\s]+$", description="Name of the model in the MLflow registry."
    )
    promotion_margin: float = Field(
        0.005, ge=0, lt=1, description="Accuracy that a new champion may lose against the present one."
    )
    latency_budget_ms: float = Field(
        0.0,
        ge=0,
        description="Most milliseconds (p95, one text, model time) that a champion may take; 0 sets no limit.",
    )
