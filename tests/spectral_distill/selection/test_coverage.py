"""The k layers that stand for all, against brute force over everything that could be chosen."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from spectral_distill.distillation.candidates import Candidate
from spectral_distill.selection.coverage import best_representatives
from spectral_distill.selection.strategies import select
from spectral_distill.spectra.profile import TOKEN_GRID, SpectralProfile
from tests.support.artifacts import profile_facts
from tests.support.profiles import profile_of

GRID_BINS = TOKEN_GRID // 2 + 1


def least_cost_of_segmentations(distances: np.ndarray, k: int) -> float:
    """Over every way to cut the depth into k segments: each segment's layers to its best member."""
    depth = len(distances)
    costs = []
    for cuts in itertools.combinations(range(1, depth), k - 1):
        segments = itertools.pairwise([0, *cuts, depth])
        costs.append(sum(min(distances[a:b, r].sum() for r in range(a, b)) for a, b in segments))
    return min(costs)


def cost_of(layers: list[int], distances: np.ndarray) -> float:
    """Cost of these representatives with the best cuts between them: the lower part answers to the lower layer."""
    total = distances[: layers[0], layers[0]].sum() + distances[layers[-1] :, layers[-1]].sum()
    for low, high in itertools.pairwise(layers):
        total += min(
            distances[low:cut, low].sum() + distances[cut:high, high].sum() for cut in range(low + 1, high + 1)
        )
    return total


def between(points: np.ndarray) -> np.ndarray:
    """Squared distances between rows."""
    return ((points[:, None] - points[None]) ** 2).sum(-1)


def fingerprints_of(depth: int, seed: int, scale: float = 1.0) -> SpectralProfile:
    """A profile with random token-axis fingerprints; those of the embeddings are far from all others."""
    values = np.random.default_rng(seed).uniform(0, scale, size=(depth + 1, GRID_BINS))
    values[0] += 100
    profile = profile_of([1.0] * depth, **{"token/state/rms/fingerprint": torch.from_numpy(values)})
    return SpectralProfile(arrays=profile.arrays, facts=profile_facts(depth=depth, token_grid_points=TOKEN_GRID))


matrices = st.integers(1, 7).flatmap(
    lambda depth: npst.arrays(np.float64, (depth, depth), elements=st.floats(0, 10, width=16))
)


@given(matrices, st.data())
def test_representatives_are_the_best_of_all_segmentations_and_of_all_subsets(distances, data):
    """Any matrix, symmetric or not, ties and zeros too."""
    np.fill_diagonal(distances, 0)
    depth = len(distances)
    k = data.draw(st.integers(1, depth))
    layers = best_representatives(distances, k)
    assert len(layers) == k and layers == sorted(set(layers)) and set(layers) <= set(range(depth))
    subsets = itertools.combinations(range(depth), k)
    assert cost_of(layers, distances) == pytest.approx(least_cost_of_segmentations(distances, k))
    assert cost_of(layers, distances) == pytest.approx(min(cost_of(list(subset), distances) for subset in subsets))


@given(npst.arrays(np.float64, st.integers(1, 8), elements=st.floats(-10, 10, width=16)), st.data())
def test_on_a_line_in_order_that_is_the_exact_k_medoids(places, data):
    """Layers whose distances grow with depth: then free assignment to the nearest cannot do better than segments."""
    distances = np.abs(np.sort(places)[:, None] - np.sort(places)[None])
    k = data.draw(st.integers(1, len(places)))
    subsets = itertools.combinations(range(len(places)), k)
    best = min(distances[:, list(subset)].min(axis=1).sum() for subset in subsets)
    assert distances[:, best_representatives(distances, k)].min(axis=1).sum() == pytest.approx(best)


def test_representatives_by_hand():
    groups = np.array([0.0, 0.1, 0.2, 5.0, 5.1, 9.0])
    assert best_representatives(np.abs(groups[:, None] - groups[None]), 3) == [1, 3, 5]
    assert best_representatives(np.abs(groups[:, None] - groups[None]), 6) == [0, 1, 2, 3, 4, 5]
    assert best_representatives(np.zeros((1, 1)), 1) == [0]


def test_far_layers_that_look_alike_do_not_stand_for_one_another():
    """A student layer replaces neighbours: layer 3 is the twin of layer 0, but the segment between is not."""
    twins = between(np.array([[0.0], [9.0], [9.0], [0.0]]))
    assert best_representatives(twins, 2) in ([0, 1], [0, 2])
    assert best_representatives(twins, 3) in ([0, 1, 3], [0, 2, 3])


@given(st.integers(1, 7), st.integers(0, 99), st.data())
def test_spectral_coverage_is_exact_for_fingerprints_over_the_two_sided_spectrum(depth, seed, data):
    k, profile = data.draw(st.integers(1, depth)), fingerprints_of(depth, seed)
    half = profile.arrays["token/state/rms/fingerprint"].numpy()[1:]
    distances = between(np.concatenate([half, half[:, 1:-1]], axis=1))  # every mirrored bin stands there twice
    layers = select(profile, Candidate(strategy="spectral_coverage", layers=k)).teacher_layers
    assert cost_of(layers, distances) == pytest.approx(least_cost_of_segmentations(distances, k))


def test_spectral_coverage_reads_the_token_axis_at_unit_rms_alone():
    """The intensities say the first layers; the fingerprints have two groups, and the middles of them are wanted."""
    profile = fingerprints_of(6, 0, scale=0.0)
    fingerprints = profile.arrays["token/state/rms/fingerprint"]
    fingerprints[1:, 3] = torch.tensor([0.0, 1, 2, 50, 51, 52], dtype=torch.float64)
    assert select(profile, Candidate(strategy="spectral_coverage", layers=2)).teacher_layers == [1, 4]


@given(st.integers(1, 7), st.integers(0, 99), st.data())
def test_linear_cka_is_exact_for_one_minus_the_similarity(depth, seed, data):
    k = data.draw(st.integers(1, depth))
    upper = np.triu(np.random.default_rng(seed).uniform(size=(depth + 1, depth + 1)), 1)
    cka = upper + upper.T + np.eye(depth + 1)
    cka[0, 1:] = cka[1:, 0] = 1  # were the embeddings counted, they would stand for everything
    profile = profile_of([1.0] * depth, **{"state/linear_cka": torch.from_numpy(cka)})
    layers = select(profile, Candidate(strategy="linear_cka", layers=k)).teacher_layers
    distances = 1 - cka[1:, 1:]
    assert cost_of(layers, distances) == pytest.approx(least_cost_of_segmentations(distances, k))
