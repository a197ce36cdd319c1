"""What each strategy selects, by answers worked out by hand and by brute force."""

import itertools

import numpy as np
import pytest
from helpers import profile_of
from hypothesis import given
from hypothesis import strategies as st

from components.foundation.candidates import STRATEGIES, Candidate
from components.foundation.errors import UserError
from components.foundation.selection import load_selection
from components.select_layers import strategies
from components.select_layers.strategies import select

PAIRS = ("average_pairs", "weighted_pairs")
WHOLE = tuple(name for name in STRATEGIES if name not in (*PAIRS, "manual"))

curves = st.lists(st.floats(0.1, 100), min_size=2, max_size=24)


def chosen(strategy: str, intensity: list[float], k: int, **others) -> list[int]:
    """Teacher layers of a strategy that takes whole layers."""
    selection = select(profile_of(intensity), Candidate(strategy=strategy, layers=k, **others))
    assert all(len(mix) == 1 for mix in selection.layers)
    return selection.teacher_layers


def test_every_strategy_of_the_settings_is_registered_and_no_other():
    assert set(strategies._STRATEGIES) == set(STRATEGIES)


def test_intensity_keeps_the_most_intense_in_depth_order():
    assert chosen("spectral_intensity", [5, 1, 9, 2, 7, 3], 3) == [0, 2, 4]
    assert chosen("spectral_intensity", [1, 2, 3, 4, 5, 6], 2) == [4, 5]
    assert chosen("spectral_intensity", [4, 4, 4, 4], 2) == [0, 1]  # the lower of equals


def test_embeddings_are_never_selected_however_intense():
    assert chosen("spectral_intensity", [5, 1, 9], 1) == [2]  # `profile_of` gives the embeddings 1000
    assert chosen("spectral_intensity", [5, 1, 9], 3) == [0, 1, 2]


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


@given(curves, st.data())
def test_intensity_is_the_best_of_all_subsets(intensity, data):
    intensity = intensity[:10]
    k = data.draw(st.integers(1, len(intensity)))
    best = max(sum(subset) for subset in itertools.combinations(intensity, k))
    assert sum(intensity[layer] for layer in chosen("spectral_intensity", intensity, k)) == pytest.approx(best)


@pytest.mark.parametrize(
    ("depth", "k", "layers"),
    [(12, 6, [0, 2, 4, 7, 9, 11]), (12, 3, [0, 6, 11]), (24, 2, [0, 23]), (6, 6, [0, 1, 2, 3, 4, 5]), (12, 1, [11])],
)
def test_uniform_is_spaced_as_distilbert(depth, k, layers):
    assert chosen("uniform", [1.0] * depth, k) == layers


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


@given(st.sampled_from(WHOLE + PAIRS), curves, st.data())
def test_a_selection_has_k_ordered_layers_in_range_with_weights_of_one(strategy, intensity, data):
    depth = len(intensity)
    k = data.draw(st.integers(1, depth - (strategy in PAIRS)))
    selection = select(profile_of(intensity), Candidate(strategy=strategy, layers=k, seed=data.draw(st.integers(0, 9))))
    assert (selection.strategy, selection.depth, len(selection.layers)) == (strategy, depth, k)
    assert all(0 <= layer < depth for mix in selection.layers for layer, _ in mix)
    assert [sum(weight for _, weight in mix) for mix in selection.layers] == pytest.approx([1] * k)
    assert all(low < high for low, high in itertools.pairwise(selection.teacher_layers))
    if strategy not in PAIRS and k == depth:
        assert selection.teacher_layers == list(range(depth))


@pytest.mark.parametrize("strategy", WHOLE + PAIRS)
def test_more_layers_than_the_teacher_has_are_refused(strategy):
    with pytest.raises(UserError, match=r"layers: found 5, expected at most 4"):
        select(profile_of([1.0] * 4), Candidate(strategy=strategy, layers=5))


@pytest.mark.parametrize("strategy", PAIRS)
def test_more_pairs_than_neighbours_are_refused(strategy):
    with pytest.raises(UserError, match=r"found 4 layers, expected at most 3"):
        select(profile_of([1.0] * 4), Candidate(strategy=strategy, layers=4))


def test_manual_layers_out_of_range_are_refused():
    with pytest.raises(UserError, match=r"teacher_layers: found \[4, -1\], expected numbers from 0 to 3"):
        select(profile_of([1.0] * 4), Candidate(strategy="manual", layers=3, teacher_layers=[4, 0, -1]))


@pytest.mark.parametrize("strategy", ["spectral_intensity", "uniform"])
def test_spectral_strategies_alone_keep_their_scores_and_all_survive_the_disk(strategy, tmp_path):
    selection = select(profile_of([5.0, 1.0, 9.0]), Candidate(strategy=strategy, layers=2))
    assert selection.scores == ([5.0, 1.0, 9.0] if strategy == "spectral_intensity" else None)
    selection.save(tmp_path)
    assert load_selection(tmp_path) == selection


def test_the_profile_is_not_changed():
    profile = profile_of([3.0, 1.0, 2.0])
    before = {name: array.clone() for name, array in profile.arrays.items()}
    for name in WHOLE:
        select(profile, Candidate(strategy=name, layers=2))
    assert all(np.array_equal(array, before[name]) for name, array in profile.arrays.items())
