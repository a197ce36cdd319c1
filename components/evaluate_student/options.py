"""How students are measured."""

from pydantic import Field

from components.foundation.options import Options


class SpeedOptions(Options):
    """How speed is measured."""

    speed_batches: int = Field(40, ge=5, description="Batches timed for teacher and student, of 32 texts and of 1.")
