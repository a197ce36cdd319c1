"""Strategies: functions that select a student's layers from a teacher's profile.

A strategy takes (profile, candidate) and returns one `LayerMix` for each student layer: (teacher layer, weight) pairs.
It is registered by name as an entry point (see `registry`). Teacher layers are counted from 0 (the first encoder layer)
to D - 1; layer l writes the hidden state X^(l+1).
"""

import operator
import random
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from spectral_distill.core.errors import UserError
from spectral_distill.models.layer_mapping import LayerMix, evenly_spaced
from spectral_distill.selection import layer_scores
from spectral_distill.selection.coverage import best_representatives
from spectral_distill.selection.mapping import Selection
from spectral_distill.selection.registry import load_strategy
from spectral_distill.selection.request import LayerRequest, check_depth
from spectral_distill.spectra.profile import SpectralProfile

Strategy: TypeAlias = Callable[[SpectralProfile, LayerRequest], list[LayerMix]]


def select(profile: SpectralProfile, candidate: LayerRequest) -> Selection:
    """Select the layers of a candidate with its strategy.

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        The selection, with the layer scores of strategies that have any.

    Raises:
        UserError: The candidate asks for more layers than the teacher has, or the user's own strategy returns an
            invalid mapping.
        ValueError: The strategy does not exist or cannot be imported.
    """
    check_depth(candidate, profile.depth)
    strategy: Strategy = load_strategy(candidate.strategy)
    layers = _plain(strategy(profile, candidate), candidate)
    _check(layers, profile, candidate)
    score = layer_scores.SCORES.get(candidate.strategy)
    return Selection(
        strategy=candidate.strategy,
        depth=profile.depth,
        layers=layers,
        scores=None if score is None else score(profile).tolist(),
    )


def spectral_intensity(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Select the k most intense layers, in depth order.

    Source: "When Transformers Sing" (Towards Data Science, 2025); intensity as in SpectralKD, equation 4
    (https://arxiv.org/abs/2412.19055).

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _highest(layer_scores.intensity(profile), candidate.layers)


def spectral_edges(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Select the first a and the last k - a layers; a maximises the kept intensity.

    Both ends are kept when k > 1; of equal cuts the one with more first layers wins.

    Source: SpectralKD, section 3.3 (https://arxiv.org/abs/2412.19055).

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    scores, depth, k = layer_scores.intensity(profile), profile.depth, candidate.layers
    heads = range(k - 1, 0, -1) if k > 1 else (1, 0)
    kept = {head: [*range(head), *range(depth - (k - head), depth)] for head in heads}
    return _unmixed(max(kept.values(), key=lambda layers: scores[layers].sum()))


def spectral_coverage(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Select the k layers whose fingerprints best represent those of all layers (exact; see `coverage`).

    The fingerprints are those of the token axis, with each token at unit RMS: on the channel axis, layers differ in
    energy alone.

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _unmixed(best_representatives(layer_scores.fingerprint_distances(profile), candidate.layers))


def spectral_update(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Select the k layers whose update X^(l+1) - X^l has the highest spectral intensity, in depth order.

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _highest(layer_scores.update_intensity(profile), candidate.layers)


def block_influence(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Select the k layers that change the direction of the representation most, in depth order.

    Source: ShortGPT, Men et al. 2024, equation 1 (https://arxiv.org/abs/2403.03853).

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _highest(layer_scores.block_influence(profile), candidate.layers)


def activation_norm(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Select the k layers with the largest activations (RMS), in depth order: the baseline of spectral intensity.

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _highest(layer_scores.activation_norm(profile), candidate.layers)


def linear_cka(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Select the k layers that best represent all layers by linear CKA (exact; see `coverage`).

    Source: Kornblith et al. 2019 (https://arxiv.org/abs/1905.00414).

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _unmixed(best_representatives(layer_scores.cka_distances(profile), candidate.layers))


def uniform(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Select evenly spaced layers that include the first and the last; a single one is the last.

    Source: DistilBERT, Sanh et al. 2019 (https://arxiv.org/abs/1910.01108).

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _unmixed(evenly_spaced(profile.depth, candidate.layers))


def first(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Select the first k layers, which drops the top ones.

    Source: Sajjad et al. 2020 (https://arxiv.org/abs/2004.03844).

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _unmixed(list(range(candidate.layers)))


def last(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Select the last k layers.

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _unmixed(list(range(profile.depth - candidate.layers, profile.depth)))


def random_(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Draw k layers with the candidate's seed, in depth order (RAIL-KD draws new ones in each epoch).

    Source: RAIL-KD, Haidar et al. 2021 (https://arxiv.org/abs/2109.10164).

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _unmixed(sorted(random.Random(candidate.seed).sample(range(profile.depth), candidate.layers)))


def average_pairs(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Average pairs of neighbouring layers; the pairs are evenly spaced.

    Source: "When Transformers Sing" (2025), first attempt.

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _pairs(profile.depth, candidate.layers, (0.5, 0.5))


def weighted_pairs(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Combine pairs as `average_pairs` does, with weight 0.3 for the lower and 0.7 for the upper layer.

    Source: "When Transformers Sing" (2025), second attempt.

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _pairs(profile.depth, candidate.layers, (0.3, 0.7))


def lowest_intensity(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Select the k least intense layers. This control must lose if intensity matters.

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _highest(-layer_scores.intensity(profile), candidate.layers)


def reversed_(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Select the layers of `uniform`, deepest first. This control must lose if order matters.

    Source: https://arxiv.org/abs/2502.04499.

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _unmixed(evenly_spaced(profile.depth, candidate.layers)[::-1])


def manual(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Use the layers that the user lists, in the user's order.

    Args:
        profile: The teacher's spectral profile.
        candidate: The student's request.

    Returns:
        One layer mapping for each student layer.
    """
    return _unmixed(list(candidate.teacher_layers or []))


def _unmixed(layers: list[int]) -> list[LayerMix]:
    return [[(layer, 1.0)] for layer in layers]


def _highest(scores: np.ndarray, k: int) -> list[LayerMix]:
    """Select the k layers with the highest scores, in depth order; of equal ones the lower."""
    return _unmixed(sorted(np.argsort(-scores, kind="stable")[:k].tolist()))


def _pairs(depth: int, k: int, weights: tuple[float, float]) -> list[LayerMix]:
    lower = np.rint(np.linspace(0, depth - 2, k)).astype(int).tolist()
    return [[(layer, weights[0]), (layer + 1, weights[1])] for layer in lower]


def _plain(found: Any, candidate: LayerRequest) -> list[LayerMix]:
    """Convert a strategy's result to plain numbers; `UserError` if a user's own returns something else."""
    try:
        return [[(operator.index(layer), float(weight)) for layer, weight in mix] for mix in found]
    except (TypeError, ValueError):
        raise UserError(
            f"strategy {candidate.strategy}: found {found!r}, expected (teacher layer, weight) pairs for each student "
            "layer, such as [[(0, 1.0)], [(4, 0.5), (5, 0.5)]]; fix the strategy"
        ) from None


def _check(layers: list[LayerMix], profile: SpectralProfile, candidate: LayerRequest) -> None:
    """Raise `UserError` for an invalid mapping of a user's own strategy."""
    problem = ""
    if len(layers) != candidate.layers:
        problem = f"{len(layers)} layers, expected {candidate.layers}"
    for mix in layers:
        if not all(0 <= layer < profile.depth for layer, _ in mix):
            problem = f"{mix}, expected teacher layers from 0 to {profile.depth - 1}"
        elif not abs(sum(weight for _, weight in mix) - 1) < 1e-6:  # written so that it rejects NaN
            problem = f"{mix}, expected weights that sum to 1"
    if problem:
        raise UserError(f"strategy {candidate.strategy}: found {problem}; fix the strategy")
