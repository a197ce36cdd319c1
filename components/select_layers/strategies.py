"""Strategies: from a teacher's profile to the layers of a student.

A strategy is a function registered by name: (profile, candidate) -> one `LayerMix` a student layer. Teacher layers
are counted from 0 (the first encoder layer) to D - 1; layer l writes hidden state X^(l+1).
"""

import random
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from components.foundation.candidates import Candidate, check_depth
from components.foundation.layer_mix import LayerMix
from components.foundation.selection import Selection
from components.foundation.spectral_profile import SpectralProfile

Strategy: TypeAlias = Callable[[SpectralProfile, Candidate], list[LayerMix]]
_STRATEGIES: dict[str, Strategy] = {}
_SPECTRAL_SCORE = "channel/state/raw/intensity"


def strategy(function: Strategy) -> Strategy:
    """Register a strategy under its function's name."""
    _STRATEGIES[function.__name__.rstrip("_")] = function
    return function


def select(profile: SpectralProfile, candidate: Candidate) -> Selection:
    """The candidate's selection; `UserError` when it asks for more layers than the teacher has."""
    check_depth(candidate, profile.depth)
    layers = _STRATEGIES[candidate.strategy](profile, candidate)
    scores = intensity(profile).tolist() if candidate.strategy.startswith("spectral") else None
    return Selection(strategy=candidate.strategy, depth=profile.depth, layers=layers, scores=scores)


def intensity(profile: SpectralProfile) -> np.ndarray:
    """Spectral intensity of each encoder layer's output, [D] (SpectralKD, equation 4)."""
    return profile.layers(_SPECTRAL_SCORE).numpy()


@strategy
def spectral_intensity(profile: SpectralProfile, candidate: Candidate) -> list[LayerMix]:
    """The k most intense layers, in depth order ("When Transformers Sing", 2025)."""
    ranked = np.argsort(-intensity(profile), kind="stable")
    return _whole(sorted(ranked[: candidate.layers].tolist()))


@strategy
def spectral_edges(profile: SpectralProfile, candidate: Candidate) -> list[LayerMix]:
    """The first a and the last k - a layers, a chosen so that the kept intensity is largest (SpectralKD, section 3.3).

    Both ends are kept when k > 1; of equal cuts the one with more first layers wins.
    """
    scores, depth, k = intensity(profile), profile.depth, candidate.layers
    heads = range(k - 1, 0, -1) if k > 1 else (1, 0)
    kept = {head: [*range(head), *range(depth - (k - head), depth)] for head in heads}
    return _whole(max(kept.values(), key=lambda layers: scores[layers].sum()))


@strategy
def uniform(profile: SpectralProfile, candidate: Candidate) -> list[LayerMix]:
    """Evenly spaced, both ends kept (DistilBERT, Sanh et al. 2019); one layer alone is the last."""
    if candidate.layers == 1:
        return _whole([profile.depth - 1])
    return _whole(np.rint(np.linspace(0, profile.depth - 1, candidate.layers)).astype(int).tolist())


@strategy
def first(profile: SpectralProfile, candidate: Candidate) -> list[LayerMix]:
    """The first k layers: the top is dropped (Sajjad et al. 2020, arXiv 2004.03844)."""
    return _whole(list(range(candidate.layers)))


@strategy
def last(profile: SpectralProfile, candidate: Candidate) -> list[LayerMix]:
    """The last k layers."""
    return _whole(list(range(profile.depth - candidate.layers, profile.depth)))


@strategy
def random_(profile: SpectralProfile, candidate: Candidate) -> list[LayerMix]:
    """k layers drawn by the candidate's seed, in depth order (RAIL-KD draws them anew each epoch)."""
    return _whole(sorted(random.Random(candidate.seed).sample(range(profile.depth), candidate.layers)))


@strategy
def average_pairs(profile: SpectralProfile, candidate: Candidate) -> list[LayerMix]:
    """Means of two neighbouring layers, pairs evenly spaced ("When Transformers Sing", first attempt)."""
    return _pairs(profile.depth, candidate.layers, (0.5, 0.5))


@strategy
def weighted_pairs(profile: SpectralProfile, candidate: Candidate) -> list[LayerMix]:
    """As `average_pairs`, 0.3 of the lower and 0.7 of the upper layer ("When Transformers Sing", second attempt)."""
    return _pairs(profile.depth, candidate.layers, (0.3, 0.7))


@strategy
def manual(profile: SpectralProfile, candidate: Candidate) -> list[LayerMix]:
    """The layers that the user lists, in the user's order."""
    return _whole(list(candidate.teacher_layers or []))


def _whole(layers: list[int]) -> list[LayerMix]:
    return [[(layer, 1.0)] for layer in layers]


def _pairs(depth: int, k: int, weights: tuple[float, float]) -> list[LayerMix]:
    lower = np.rint(np.linspace(0, depth - 2, k)).astype(int).tolist()
    return [[(layer, weights[0]), (layer + 1, weights[1])] for layer in lower]
