"""What of the spectrum is measured."""

from pydantic import Field

from components.foundation.options import Options


class ProfileOptions(Options):
    """How the spectral profile is taken."""

    profile_texts: int = Field(2000, ge=1, description="Training texts to profile (all of them where there are fewer).")
    profile_bins: int = Field(0, ge=0, description="Lowest frequency bins kept for the intensity; 0 keeps all.")
    profile_clip_sigmas: float = Field(
        5.0, gt=0, description="Outlier channels are clipped at this many robust sigmas."
    )
