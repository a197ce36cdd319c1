"""What each strategy selects, by answers worked out by hand, by NumPy from hidden states, and by brute force."""

import itertools
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spectral_distill.core.errors import UserError
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.selection.mapping import Selection, Selections
from spectral_distill.selection.registry import known_strategies
from spectral_distill.selection.strategies import select
from spectral_distill.spectra.profile import SpectralMeter, SpectralProfile
from tests.support.profiles import measure, profile_of

PAIRS = ("average_pairs", "weighted_pairs")
COVERAGE = ("spectral_coverage", "linear_cka")  # their exactness: see test_coverage
PLACED = ("uniform", "first", "last", "random", "reversed")


def rfft_mean(states: np.ndarray) -> np.ndarray:
    """Mean magnitude of the full FFT over the channels: [layers, texts, tokens, H] -> [layers]."""
    return np.abs(np.fft.fft(states, norm="ortho")).mean((1, 2, 3))


def turn(states: np.ndarray) -> np.ndarray:
    """Mean angle's 1 - cosine between each layer's input and output."""
    below, above = states[:-1], states[1:]
    lengths = np.linalg.norm(below, axis=-1) * np.linalg.norm(above, axis=-1)
    return (1 - (below * above).sum(-1) / lengths).mean((1, 2))


# Score of the D layers by hidden states [D + 1, texts, tokens, H]; the strategy keeps the highest.
RANKED = {
    "spectral_intensity": lambda states: rfft_mean(states[1:]),
    "spectral_update": lambda states: rfft_mean(np.diff(states, axis=0)),
    "block_influence": turn,
    "activation_norm": lambda states: np.sqrt((states[1:] ** 2).mean(-1)).mean((1, 2)),
    "lowest_intensity": lambda states: -rfft_mean(states[1:]),
}
AUTOMATIC = (*RANKED, "spectral_edges", *COVERAGE, *PLACED, *PAIRS)

curves = st.lists(st.floats(0.1, 100), min_size=2, max_size=24)


@cache
def hidden_states(depth: int, seed: int = 0) -> np.ndarray:
    """[D + 1, 3 texts, 5 tokens, 8 channels], layers of other sizes and of other mixtures of noise and a constant.

    A constant is one bin: it has the activations of noise, but less of its intensity.
    """
    random = np.random.default_rng(seed)
    noise, size, share = random.normal(size=(depth + 1, 3, 5, 8)), random.uniform(1, 3, depth + 1), random.random()
    constant = random.uniform(0, share, size=depth + 1)[:, None, None, None]
    return size[:, None, None, None] * ((1 - constant) * noise + constant)


@cache
def teacher(depth: int, seed: int = 0) -> SpectralProfile:
    states = torch.from_numpy(hidden_states(depth, seed))
    meter = SpectralMeter(clip_sigmas=4.0)
    measure(meter, list(states), torch.ones(3, 5, dtype=torch.long), torch.arange(3))
    return meter.profile(bins=0)


def chosen(strategy: str, intensity: list[float], k: int, **others) -> list[int]:
    """Teacher layers of a strategy that takes whole layers, for a teacher of these intensities."""
    return whole_layers(select(profile_of(intensity), Candidate(strategy=strategy, layers=k, **others)))


def whole_layers(selection: Selection) -> list[int]:
    assert all(weight == 1 for mix in selection.layers for _, weight in mix)
    return [layer for ((layer, _),) in selection.layers]


def test_every_installed_strategy_is_tested_here():
    assert known_strategies() == sorted([*AUTOMATIC, "manual"])


def test_intensity_keeps_the_most_intense_in_depth_order():
    assert chosen("spectral_intensity", [5, 1, 9, 2, 7, 3], 3) == [0, 2, 4]
    assert chosen("spectral_intensity", [1, 2, 3, 4, 5, 6], 2) == [4, 5]
    assert chosen("spectral_intensity", [4, 4, 4, 4], 2) == [0, 1]  # the lower of equals


def test_lowest_intensity_keeps_the_least_intense_in_depth_order():
    assert chosen("lowest_intensity", [5, 1, 9, 2, 7, 3], 3) == [1, 3, 5]
    assert chosen("lowest_intensity", [4, 4, 4, 4], 2) == [0, 1]


def test_embeddings_are_never_selected_however_intense():
    assert chosen("spectral_intensity", [5, 1, 9], 1) == [2]  # `profile_of` gives the embeddings 1000
    assert chosen("spectral_intensity", [5, 1, 9], 3) == [0, 1, 2]


@given(st.sampled_from(sorted(RANKED)), st.integers(1, 8), st.integers(0, 9), st.data())
def test_ranking_strategies_keep_the_highest_by_numpy(strategy, depth, seed, data):
    k = data.draw(st.integers(1, depth))
    expected = RANKED[strategy](hidden_states(depth, seed))
    selection = select(teacher(depth, seed), Candidate(strategy=strategy, layers=k))
    assert whole_layers(selection) == sorted(np.argsort(-expected)[:k].tolist())
    shown = -expected if strategy == "lowest_intensity" else expected
    assert selection.scores == pytest.approx(shown.tolist(), rel=1e-9)


def test_ranking_strategies_are_told_apart_by_these_teachers():
    """Otherwise the test before could not tell one score from another."""
    orders = {
        name: [np.argsort(score(hidden_states(8, seed))).tolist() for seed in range(10)]
        for name, score in RANKED.items()
    }
    for one, other in itertools.combinations(RANKED, 2):
        assert orders[one] != orders[other], (one, other)


def test_edges_cut_where_most_intensity_is_kept():
    assert chosen("spectral_edges", [9, 8, 1, 1, 1, 2], 3) == [0, 1, 5]
    assert chosen("spectral_edges", [2, 1, 1, 1, 8, 9], 3) == [0, 4, 5]
    assert chosen("spectral_edges", [3, 3, 3, 3, 3, 3], 3) == [0, 1, 5]  # more first layers of equals
    assert chosen("spectral_edges", [1, 2, 9, 9, 2, 1], 2) == [0, 5]  # both ends, whatever is between
    assert chosen("spectral_edges", [1, 5, 2], 1) == [2]
    assert chosen("spectral_edges", [3, 5, 2], 1) == [0]


@given(curves, st.data())
def test_edges_are_the_best_of_all_cuts(intensity, data):
    depth = len(intensity)
    k = data.draw(st.integers(1, depth))
    heads = range(1, k) if k > 1 else (0, 1)
    cuts = [set(range(head)) | set(range(depth - k + head, depth)) for head in heads]
    found = set(chosen("spectral_edges", intensity, k))
    assert found in cuts
    assert sum(intensity[i] for i in found) == pytest.approx(max(sum(intensity[i] for i in cut) for cut in cuts))


@pytest.mark.parametrize(("strategy", "best"), [("spectral_intensity", max), ("lowest_intensity", min)])
@given(intensity=curves, data=st.data())
def test_intensity_is_the_best_of_all_subsets(strategy, best, intensity, data):
    intensity = intensity[:10]
    k = data.draw(st.integers(1, len(intensity)))
    extreme = best(sum(subset) for subset in itertools.combinations(intensity, k))
    assert sum(intensity[layer] for layer in chosen(strategy, intensity, k)) == pytest.approx(extreme)


@pytest.mark.parametrize(
    ("depth", "k", "layers"),
    [(12, 6, [0, 2, 4, 7, 9, 11]), (12, 3, [0, 6, 11]), (24, 2, [0, 23]), (6, 6, [0, 1, 2, 3, 4, 5]), (12, 1, [11])],
)
def test_uniform_is_spaced_as_distilbert_and_reversed_is_that_backwards(depth, k, layers):
    assert chosen("uniform", [1.0] * depth, k) == layers
    assert chosen("reversed", [1.0] * depth, k) == layers[::-1]


def test_first_and_last():
    assert chosen("first", [1, 2, 3, 4, 5], 2) == [0, 1]
    assert chosen("last", [1, 2, 3, 4, 5], 2) == [3, 4]


def test_random_is_drawn_by_the_seed():
    draws = [chosen("random", [1.0] * 12, 4, seed=seed) for seed in range(20)]
    assert draws == [chosen("random", [1.0] * 12, 4, seed=seed) for seed in range(20)]
    assert len({tuple(draw) for draw in draws}) > 10
    assert {layer for draw in draws for layer in draw} == set(range(12))


@pytest.mark.parametrize(("strategy", "weights"), [("average_pairs", (0.5, 0.5)), ("weighted_pairs", (0.3, 0.7))])
def test_pairs_of_twice_as_many_layers_are_each_layer_once(strategy, weights):
    selection = select(profile_of([1.0] * 8), Candidate(strategy=strategy, layers=4))
    assert selection.layers == [[(low, weights[0]), (low + 1, weights[1])] for low in (0, 2, 4, 6)]
    assert selection.teacher_layers == [1, 3, 5, 7]


def test_fewer_pairs_are_spread_from_end_to_end():
    selection = select(profile_of([1.0] * 12), Candidate(strategy="average_pairs", layers=3))
    assert [[layer for layer, _ in mix] for mix in selection.layers] == [[0, 1], [5, 6], [10, 11]]


def test_manual_keeps_the_users_order():
    assert chosen("manual", [1.0] * 6, 3, teacher_layers=[4, 0, 4]) == [4, 0, 4]


@pytest.mark.parametrize("strategy", AUTOMATIC)
@given(depth=st.integers(2, 8), data=st.data())
def test_a_selection_has_k_ordered_layers_in_range_with_weights_of_one(strategy, depth, data):
    k = data.draw(st.integers(1, depth - (strategy in PAIRS)))
    candidate = Candidate(strategy=strategy, layers=k, seed=data.draw(st.integers(0, 9)))
    selection = select(teacher(depth), candidate)
    assert (selection.strategy, selection.depth, len(selection.layers)) == (strategy, depth, k)
    assert all(0 <= layer < depth for mix in selection.layers for layer, _ in mix)
    assert [sum(weight for _, weight in mix) for mix in selection.layers] == pytest.approx([1] * k)
    upwards = selection.teacher_layers[:: -1 if strategy == "reversed" else 1]
    assert all(low < high for low, high in itertools.pairwise(upwards))
    if strategy not in PAIRS and k == depth:
        assert upwards == list(range(depth))


@pytest.mark.parametrize("strategy", AUTOMATIC)
def test_more_layers_than_the_teacher_has_are_refused(strategy):
    with pytest.raises(UserError, match=r"layers: found 5.*at most 4"):
        select(teacher(4), Candidate(strategy=strategy, layers=5))


@pytest.mark.parametrize("strategy", PAIRS)
def test_more_pairs_than_neighbours_are_refused(strategy):
    with pytest.raises(UserError, match=r"found 4 layers.*at most 3"):
        select(profile_of([1.0] * 4), Candidate(strategy=strategy, layers=4))


def test_manual_layers_out_of_range_are_refused():
    with pytest.raises(UserError, match=r"teacher_layers.*\[4, -1\].*numbers from 0 to 3"):
        select(profile_of([1.0] * 4), Candidate(strategy="manual", layers=3, teacher_layers=[4, 0, -1]))


def test_strategies_that_rank_layers_keep_their_scores_and_others_have_none():
    scores = {name: select(teacher(4), Candidate(strategy=name, layers=2)).scores for name in AUTOMATIC}
    assert {name for name, found in scores.items() if found is not None} == {*RANKED, "spectral_edges"}
    assert scores["spectral_edges"] == scores["spectral_intensity"]


def test_selections_of_many_candidates_survive_the_disk(tmp_path):
    candidates = [Candidate(strategy=name, layers=k) for name in AUTOMATIC for k in (1, 3)]
    candidates.append(Candidate(strategy="manual", layers=2, teacher_layers=[3, 0]))
    selections = {candidate.name: select(teacher(4), candidate) for candidate in candidates}
    assert len(selections) == len(candidates)
    Selections(selections=selections).save(tmp_path)
    assert Selections.load(tmp_path).selections == selections


@pytest.mark.parametrize(
    ("aligned", "targets"), [("all", [0, 1, 2, 5, 6]), ("last", [0, 1])], ids=["all layers", "the last layer"]
)
def test_targets_are_the_teacher_layers_that_an_alignment_needs(aligned, targets):
    mixed = Selection(
        strategy="mine", depth=7, layers=[[(5, 0.5), (6, 0.5)], [(2, 0.9), (1, 0.1)], [(1, 0.3), (0, 0.7)]]
    )
    assert mixed.targets(aligned) == targets


def test_the_profile_is_not_changed():
    profile = teacher(6)
    before = {name: array.clone() for name, array in profile.arrays.items()}
    for name in AUTOMATIC:
        select(profile, Candidate(strategy=name, layers=2))
    assert all(torch.equal(array, before[name]) for name, array in profile.arrays.items())
