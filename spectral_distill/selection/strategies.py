"""Strategies: from a teacher's profile to the layers of a student.

A strategy is a function (profile, candidate) -> one `LayerMix` a student layer, registered by name as an entry point
(see `strategy_names`). Teacher layers are counted from 0 (the first encoder layer) to D - 1; layer l writes hidden
state X^(l+1).
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
    """The candidate's selection; `UserError` when it asks for more layers than the teacher has."""
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
    """The k most intense layers, in depth order ("When Transformers Sing", 2025)."""
    return _highest(layer_scores.intensity(profile), candidate.layers)


def spectral_edges(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """The first a and the last k - a layers, a chosen so that the kept intensity is largest (SpectralKD, section 3.3).

    Both ends are kept when k > 1; of equal cuts the one with more first layers wins.
    """
    scores, depth, k = layer_scores.intensity(profile), profile.depth, candidate.layers
    heads = range(k - 1, 0, -1) if k > 1 else (1, 0)
    kept = {head: [*range(head), *range(depth - (k - head), depth)] for head in heads}
    return _whole(max(kept.values(), key=lambda layers: scores[layers].sum()))


def spectral_coverage(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """The k layers whose fingerprints best stand for those of all layers, exactly (see `coverage`).

    Fingerprints are those of the token axis, each token at unit RMS: on the channel axis layers differ in energy alone.
    """
    return _whole(best_representatives(layer_scores.fingerprint_distances(profile), candidate.layers))


def spectral_update(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """The k layers whose update of the representation is spectrally most intense, in depth order."""
    return _highest(layer_scores.update_intensity(profile), candidate.layers)


def block_influence(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """The k layers that turn the representation most (ShortGPT, Men et al. 2024, arXiv 2403.03853, equation 1)."""
    return _highest(layer_scores.block_influence(profile), candidate.layers)


def activation_norm(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """The k layers with the largest activations (RMS): what spectral intensity has to beat."""
    return _highest(layer_scores.activation_norm(profile), candidate.layers)


def linear_cka(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """The k layers that best stand for all by linear CKA (Kornblith et al. 2019, arXiv 1905.00414), exactly."""
    return _whole(best_representatives(layer_scores.cka_distances(profile), candidate.layers))


def uniform(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Evenly spaced, both ends kept (DistilBERT, Sanh et al. 2019); one layer alone is the last."""
    return _whole(evenly_spaced(profile.depth, candidate.layers))


def first(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """The first k layers: the top is dropped (Sajjad et al. 2020, arXiv 2004.03844)."""
    return _whole(list(range(candidate.layers)))


def last(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """The last k layers."""
    return _whole(list(range(profile.depth - candidate.layers, profile.depth)))


def random_(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """k layers drawn by the candidate's seed, in depth order (RAIL-KD draws them anew each epoch)."""
    return _whole(sorted(random.Random(candidate.seed).sample(range(profile.depth), candidate.layers)))


def average_pairs(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Means of two neighbouring layers, pairs evenly spaced ("When Transformers Sing", first attempt)."""
    return _pairs(profile.depth, candidate.layers, (0.5, 0.5))


def weighted_pairs(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """As `average_pairs`, 0.3 of the lower and 0.7 of the upper layer ("When Transformers Sing", second attempt)."""
    return _pairs(profile.depth, candidate.layers, (0.3, 0.7))


def lowest_intensity(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Control: the k least intense layers. If intensity matters, this loses."""
    return _highest(-layer_scores.intensity(profile), candidate.layers)


def reversed_(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """Control: `uniform`, deepest layer first. If order matters, this loses (as in arXiv 2502.04499)."""
    return _whole(evenly_spaced(profile.depth, candidate.layers)[::-1])


def manual(profile: SpectralProfile, candidate: LayerRequest) -> list[LayerMix]:
    """The layers that the user lists, in the user's order."""
    return _whole(list(candidate.teacher_layers or []))


def _whole(layers: list[int]) -> list[LayerMix]:
    return [[(layer, 1.0)] for layer in layers]


def _highest(scores: np.ndarray, k: int) -> list[LayerMix]:
    """The k layers of the highest scores in depth order, the lower of equals."""
    return _whole(sorted(np.argsort(-scores, kind="stable")[:k].tolist()))


def _pairs(depth: int, k: int, weights: tuple[float, float]) -> list[LayerMix]:
    lower = np.rint(np.linspace(0, depth - 2, k)).astype(int).tolist()
    return [[(layer, weights[0]), (layer + 1, weights[1])] for layer in lower]


def _plain(found: Any, candidate: LayerRequest) -> list[LayerMix]:
    """What a strategy gave as plain numbers; `UserError` where a user's own gives something else."""
    try:
        return [[(operator.index(layer), float(weight)) for layer, weight in mix] for mix in found]
    except (TypeError, ValueError):
        raise UserError(
            f"strategy {candidate.strategy}: found {found!r}, expected (teacher layer, weight) pairs for each student "
            "layer, such as [[(0, 1.0)], [(4, 0.5), (5, 0.5)]]; fix the strategy"
        ) from None


def _check(layers: list[LayerMix], profile: SpectralProfile, candidate: LayerRequest) -> None:
    """`UserError` where a user's own strategy gives what no student can be made of."""
    problem = ""
    if len(layers) != candidate.layers:
        problem = f"{len(layers)} layers, expected {candidate.layers}"
    for mix in layers:
        if not all(0 <= layer < profile.depth for layer, _ in mix):
            problem = f"{mix}, expected teacher layers from 0 to {profile.depth - 1}"
        elif not abs(sum(weight for _, weight in mix) - 1) < 1e-6:  # so that NaN is refused
            problem = f"{mix}, expected weights that sum to 1"
    if problem:
        raise UserError(f"strategy {candidate.strategy}: found {problem}; fix the strategy")
