"""A user's own strategy, named by its place: what it can do, and the one line for what no student can be made of."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spectral_distill.core.errors import UserError
from spectral_distill.distillation.candidates import Candidate, parse_candidates
from spectral_distill.selection.mapping import Selection
from spectral_distill.selection.strategies import select
from tests.support.profiles import profile_of

OWN = """
import numpy as np


def twice_the_last(profile, candidate):
    return [[(profile.depth - 1, 1.0)]] * candidate.layers


def most_intense_and_its_neighbour(profile, candidate):
    best = np.argmax(profile.layers("channel/state/raw/intensity").numpy())
    return [[(best, np.float32(0.75)), (best - 1, np.float32(0.25))]] * candidate.layers


def neighbour_pairs(profile, candidate):
    return [[(layer, 1.0)] for layer in range(candidate.layers)]


class Offset:
    @staticmethod
    def by_seed(profile, candidate):
        return [[(candidate.seed, 1.0)]] * candidate.layers


def one_too_few(profile, candidate):
    return [[(0, 1.0)]] * (candidate.layers - 1)


def too_deep(profile, candidate):
    return [[(0, 1.0)], [(profile.depth, 1.0)]]


def below_the_first(profile, candidate):
    return [[(0, 1.0)], [(-1, 1.0)]]


def too_light(profile, candidate):
    return [[(0, 0.5), (1, 0.4)], [(1, 1.0)]]


def not_a_number(profile, candidate):
    return [[(0, float("nan"))], [(1, 1.0)]]


def made_of_nothing(profile, candidate):
    return [[], [(1, 1.0)]]


def layers_without_weights(profile, candidate):
    return [0, 1]


def half_a_layer(profile, candidate):
    return [[(0.5, 1.0)], [(1, 1.0)]]


def nothing(profile, candidate):
    pass


def faulty(profile, candidate):
    return 1 / 0


twelve = 12
"""


@pytest.fixture(autouse=True)
def own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`own.strategies`, and modules that fail when imported, on the Python path for one test."""
    package = tmp_path / "own"
    package.mkdir()
    (package / "strategies.py").write_text(OWN)
    (package / "misspelt.py").write_text("def broken(:\n")
    (package / "failing.py").write_text("raise RuntimeError('no licence\\nfound')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "own"]:
        del sys.modules[name]


def selected(function: str, **others) -> Selection:
    """By a teacher of four layers, the third of them the most intense."""
    candidate = Candidate(strategy=f"own.strategies:{function}", **{"layers": 2} | others)
    return select(profile_of([1.0, 2.0, 9.0, 3.0]), candidate)


def test_a_strategy_by_its_place_decides():
    assert selected("twice_the_last") == Selection(
        strategy="own.strategies:twice_the_last", depth=4, layers=[[(3, 1.0)], [(3, 1.0)]], scores=None
    )


def test_it_sees_the_profile_and_its_numpy_numbers_become_plain():
    selection = selected("most_intense_and_its_neighbour", layers=1)
    assert selection.layers == [[(2, 0.75), (1, 0.25)]]
    assert {type(number) for part in selection.layers[0] for number in part} == {int, float}


def test_it_sees_the_candidate_and_may_stand_in_a_class():
    assert selected("Offset.by_seed", seed=3).teacher_layers == [3, 3]


def test_a_name_that_ends_as_the_pairs_do_may_keep_every_layer():
    assert selected("neighbour_pairs", layers=4).teacher_layers == [0, 1, 2, 3]


def test_candidates_with_it_have_names_without_a_colon():
    (candidate,) = parse_candidates([{"strategy": "own.strategies:too_deep", "layers": 2}])
    assert candidate.name == "own.strategies.too_deep-2L-s0"


@pytest.mark.parametrize(
    ("function", "found", "expected"),
    [
        ("one_too_few", "1 layers", "2"),
        ("too_deep", "[(4, 1.0)]", "teacher layers from 0 to 3"),
        ("below_the_first", "[(-1, 1.0)]", "teacher layers from 0 to 3"),
        ("too_light", "[(0, 0.5), (1, 0.4)]", "weights that sum to 1"),
        ("not_a_number", "[(0, nan)]", "weights that sum to 1"),
        ("made_of_nothing", "[]", "weights that sum to 1"),
        ("layers_without_weights", "[0, 1]", "(teacher layer, weight) pairs for each student layer, such as"),
        ("half_a_layer", "[[(0.5, 1.0)], [(1, 1.0)]]", "(teacher layer, weight) pairs"),
        ("nothing", "None", "(teacher layer, weight) pairs"),
    ],
)
def test_what_no_student_can_be_made_of_is_refused(function, found, expected):
    with pytest.raises(UserError) as refused:
        selected(function)
    line = str(refused.value)
    assert line.startswith(f"strategy own.strategies:{function}: ")
    assert found in line and expected in line.partition(found)[2]
    assert "\n" not in line


def test_a_fault_of_its_own_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        selected("faulty")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere.at_all:f", "cannot be imported (ModuleNotFoundError: No module named 'nowhere'"),
        ("own.strategies:missing", "cannot be imported (AttributeError: module 'own.strategies' has no attribute"),
        ("own.misspelt:broken", "cannot be imported (SyntaxError: "),
        ("own.failing:f", "cannot be imported (RuntimeError: no licence found)"),
        (".strategies:f", "cannot be imported ("),
        ("own.strategies:", "cannot be imported ("),
        (":twice_the_last", "cannot be imported ("),
        ("own/strategies.py:twice_the_last", "cannot be imported ("),
    ],
)
def test_a_place_that_cannot_be_imported_is_refused_before_any_compute(place, said):
    with pytest.raises(UserError) as refused:
        parse_candidates([{"strategy": place, "layers": 2}])
    line = str(refused.value)
    assert line.startswith(f"candidates[0]: strategy: {place}: {said}")
    assert line.endswith("; expected package.module:function on the Python path") and "\n" not in line


def test_a_place_that_is_no_function_is_refused():
    with pytest.raises(UserError, match=r"strategy: own\.strategies:twelve.*int.*a function$"):
        parse_candidates([{"strategy": "own.strategies:twelve", "layers": 2}])
