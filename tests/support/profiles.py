"""Profiles of teachers, with the intensities that a test wants."""

from collections.abc import Sequence

import torch
from torch import Tensor

from spectral_distill.spectra.profile import SpectralMeter, SpectralProfile
from tests.support.artifacts import profile_facts


def profile_of(intensity: Sequence[float], **arrays: Tensor) -> SpectralProfile:
    """A profile of a teacher whose encoder layers have the given channel intensities; the embeddings have the most."""
    with_embeddings = torch.tensor([1000.0, *intensity], dtype=torch.float64)
    return SpectralProfile(
        arrays={"channel/state/raw/intensity": with_embeddings, **arrays}, facts=profile_facts(depth=len(intensity))
    )


def measure(meter: SpectralMeter, states: Sequence[Tensor], mask: Tensor, positions: Tensor) -> None:
    """Show the meter a batch: D + 1 states [B, L, H], their mask [B, L] and the texts' positions [B]."""
    with meter.batch(mask, positions) as show:
        for layer in states:
            show(layer)
