"""From a plan's grid to the students that it trains."""

import pytest

from spectral_distill.core.errors import UserError
from spectral_distill.study.plan import Plan


def plan(*candidates: dict, reference: str = "uniform-2L", seeds: tuple[int, ...] = (0, 1)) -> Plan:
    return Plan(seeds=list(seeds), reference=reference, candidates=list(candidates))


def names(found: Plan, depth: int = 4) -> list[str]:
    return [student.name for student in found.students(depth)]


def test_all_combinations_of_lists_with_every_seed_seeds_outermost():
    grid = plan({"strategy": ["uniform", "last"], "layers": [2, 3]})
    assert names(grid) == [
        "uniform-2L-s0", "uniform-3L-s0", "last-2L-s0", "last-3L-s0",
        "uniform-2L-s1", "uniform-3L-s1", "last-2L-s1", "last-3L-s1",
    ]  # fmt: skip


def test_the_same_student_of_two_entries_is_trained_once():
    grid = plan({"strategy": "uniform", "layers": [2, 3]}, {"strategy": ["uniform", "first"], "layers": 2}, seeds=(5,))
    assert names(grid) == ["uniform-2L-s5", "uniform-3L-s5", "first-2L-s5"]


def test_the_oracle_has_every_subset_of_layers():
    grid = plan({"strategy": "uniform", "layers": 2}, {"strategy": "manual", "layers": 2, "teacher_layers": "all"})
    subsets = [student.teacher_layers for student in grid.students(4) if student.strategy == "manual"]
    assert subsets[:6] == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]


def test_one_list_of_teacher_layers_is_one_candidate():
    grid = plan({"strategy": "uniform", "layers": 2}, {"strategy": "manual", "layers": 2, "teacher_layers": [3, 1]})
    assert "manual-2L-3-1-s0" in names(grid)


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([{"strategy": "last", "layers": 2}], "reference: found 'uniform-2L', expected one of the study's"),
        ([{"strategy": "unifrm", "layers": 2}], "candidates\\[0\\]: strategy: found 'unifrm'"),
        ([{"strategy": "uniform", "layers": [2, 5]}], "candidates\\[0\\]: layers: found 5, expected at most 4"),
        ([{"strategy": "manual", "layers": [2, 3], "teacher_layers": "all"}], "candidates\\[0\\]: teacher_layers: all"),
    ],
    ids=[
        "reference is no candidate",
        "unknown strategy",
        "more layers than the teacher",
        "all subsets of several sizes",
    ],
)
def test_refusals(candidates: list[dict], message: str):
    with pytest.raises(UserError, match=message):
        plan(*candidates).students(4)


def test_unknown_words_in_the_settings_are_refused():
    with pytest.raises(UserError, match=r"unknown setting 'teacher_epoch'.*'teacher_epochs'"):
        Plan(settings={"teacher_epoch": 3}, seeds=[0], reference="x", candidates=[{}]).common_settings()


def test_before_the_depth_is_known_only_what_needs_it_goes_unchecked():
    assert len(plan({"strategy": "uniform", "layers": [2, 5]}).students(None)) == 4
    subsets = {"strategy": "manual", "layers": 2, "teacher_layers": "all"}
    assert plan(subsets, reference="manual-2L-1-3").students(None)
    with pytest.raises(UserError, match=r"strategy.*'unifrm'"):
        plan(subsets, {"strategy": "unifrm", "layers": 2}).students(None)
    with pytest.raises(UserError, match=r"reference.*'unifrm-2L'"):
        plan({"strategy": "uniform", "layers": 2}, reference="unifrm-2L").students(None)
