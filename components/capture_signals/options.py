"""How much may be recorded."""

from pydantic import Field

from components.foundation.options import Options


class SignalOptions(Options):
    """How much may be recorded."""

    signals_budget_gib: float = Field(
        4.0,
        ge=0,
        description="Most that recorded hidden states may take, in GiB; above it students run the teacher again.",
    )
