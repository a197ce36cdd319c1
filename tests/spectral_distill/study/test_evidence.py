"""What rows are made to say, on tables whose answer is known."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from spectral_distill.core.errors import UserError
from spectral_distill.study.evidence import findings, grids, oracle, score_correlations
from spectral_distill.study.table import FROZEN, TEACHER, Row, append_row, pack, read_rows

TEXTS = 203  # no multiple of eight: packed bits have a rest


def row(configuration: str, right: int, seed: int = 0, layers: str = "", study: str = "s") -> Row:
    """A classifier that answers the first `right` texts right."""
    correct = np.arange(TEXTS) < right
    return Row(
        study=study, configuration=configuration, seed=seed, teacher_layers=layers, accuracy=round(right / TEXTS, 6),
        macro_f1=0.5, agreement=0.75, epochs=2, seconds=1.5, texts=TEXTS, correct=pack(correct),
    )  # fmt: skip


def test_rows_come_back_from_the_file_and_only_those_of_the_study(tmp_path: Path):
    table = tmp_path / "deep" / "table.csv"
    written = [row("uniform-3L", 180, 1, "0 2 5"), row(TEACHER, 190)]
    for one in [written[0], row("last-3L", 3, study="other"), written[1]]:
        append_row(table, one)
    assert read_rows(table, "s") == written
    assert written[0].layers == [0, 2, 5]
    assert read_rows(table, "s")[0].hits.sum() == 180
    assert len(read_rows(table, "s")[0].hits) == TEXTS
    assert read_rows(tmp_path / "none.csv", "s") == []


def test_an_empty_file_is_a_table_that_begins(tmp_path: Path):
    table = tmp_path / "table.csv"
    table.touch()
    append_row(table, row(TEACHER, 190))
    assert read_rows(table, "s") == [row(TEACHER, 190)]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text[:-20], "line 3: found no complete row of a study"),
        (lambda text: text[:-37], "line 3: found no complete row of a study"),  # base64 that is whole, and shorter
        (lambda text: text + "\n".join(text.splitlines()[-1:]), "line 4: a second row of uniform-3L, seed 1"),
        (lambda text: text.partition("\n")[2], "line 2: found no complete row of a study"),
    ],
    ids=["cut within a row", "cut between four characters", "a row twice", "no header"],
)
def test_a_damaged_table_is_refused_with_the_line(tmp_path: Path, spoil, message: str):
    table = tmp_path / "table.csv"
    for one in (row(TEACHER, 190), row("uniform-3L", 180, 1)):
        append_row(table, one)
    table.write_text(spoil(table.read_text()))
    with pytest.raises(UserError, match=message):
        read_rows(table, "s")


def test_findings_average_seeds_and_compare_text_by_text():
    rows = [
        row(TEACHER, 190),
        row(FROZEN, 150),
        row("uniform-3L", 180, 0),
        row("uniform-3L", 184, 1),
        row("last-3L", 170),
    ]
    found = {finding.configuration: finding for finding in findings(rows, "uniform-3L", 0.003)}
    uniform, last = found["uniform-3L"], found["last-3L"]
    assert list(found) == [TEACHER, "uniform-3L", "last-3L", FROZEN]
    assert uniform.seeds == 2
    assert uniform.accuracy == pytest.approx(182 / TEXTS, abs=1e-6)
    assert uniform.kept == pytest.approx(182 / 190, abs=1e-5)
    assert uniform.over_seeds is not None
    assert last.over_seeds is None
    assert uniform.versus_teacher[0] == pytest.approx(-8 / TEXTS)
    assert uniform.versus_teacher[1] < -8 / TEXTS < uniform.versus_teacher[2]
    assert uniform.versus_reference == (0, 0, 0)
    assert last.versus_reference[0] == pytest.approx(-12 / TEXTS)


def test_not_worse_is_a_one_sided_paired_test_against_the_margin():
    rows = [row(TEACHER, 190), row("uniform-3L", 189), row("last-3L", 170)]
    for margin in (0.0, 0.003, 0.05):
        found = {finding.configuration: finding for finding in findings(rows, "uniform-3L", margin)}
        for name, right in (("uniform-3L", 189), ("last-3L", 170)):
            lost = np.where(np.arange(TEXTS) < right, 0.0, np.where(np.arange(TEXTS) < 190, -1.0, 0.0))
            t = (lost.mean() + margin) / (lost.std(ddof=1) / np.sqrt(TEXTS))
            assert found[name].p_not_worse == pytest.approx(stats.t.sf(t, TEXTS - 1))
        assert found[TEACHER].p_not_worse == (0.0 if margin else 1.0)
    assert found["uniform-3L"].p_not_worse < 0.05 < found["last-3L"].p_not_worse


def test_p_values_are_paired_t_tests_corrected_by_holm():
    rows = [row(TEACHER, 190), row("uniform-3L", 180), row("last-3L", 170), row("first-3L", 178)]
    found = {finding.configuration: finding for finding in findings(rows, "uniform-3L", 0.003)}
    hits = {one.configuration: one.hits.astype(float) for one in rows}
    raw = sorted(stats.ttest_rel(hits[name], hits["uniform-3L"]).pvalue for name in (TEACHER, "last-3L", "first-3L"))
    corrected = np.maximum.accumulate([min(1, p * factor) for p, factor in zip(raw, (3, 2, 1), strict=True)])
    given = sorted(found[name].p_reference for name in (TEACHER, "last-3L", "first-3L"))
    assert given == pytest.approx(corrected.tolist())
    assert found["uniform-3L"].p_reference == 1


def subsets() -> list[Row]:
    """All pairs of four layers; deeper layers are better, and 3 alone decides most."""
    right = {"0 1": 100, "0 2": 110, "0 3": 150, "1 2": 120, "1 3": 160, "2 3": 170}
    rows = [row(f"manual-2L-{layers.replace(' ', '-')}", count, 0, layers) for layers, count in right.items()]
    return [row(TEACHER, 190), *rows]


def test_the_oracle_ranks_each_choice_and_tells_its_regret():
    chosen = [row("uniform-2L", 155, 0, "0 3"), row("last-2L", 171, 0, "2 3"), row("uniform-3L", 180, 0, "0 1 3")]
    aligned = [row("last-2L-spectral", 171, 0, "2 3"), row("manual-2L-2-3-spectral", 10, 0, "2 3")]
    varying = [row("random-2L", 155, 0, "0 3"), row("random-2L", 155, 1, "1 3")]
    rows = [*subsets(), *chosen, *aligned, *varying]
    (grid,) = grids(rows, depth=4).values()
    verdicts = {verdict.strategy: verdict for verdict in oracle(rows, grid)}
    assert set(verdicts) == {"uniform-2L", "last-2L"}  # three layers, alignment or several choices are not in the grid
    assert (verdicts["last-2L"].rank, verdicts["last-2L"].of) == (1, 6)
    assert (verdicts["uniform-2L"].rank, verdicts["uniform-2L"].regret) == (3, pytest.approx(20 / TEXTS, abs=2e-6))


def test_no_oracle_where_subsets_are_missing():
    assert grids(subsets()[:-1], depth=4) == {}
    assert grids(subsets(), depth=5) == {}


def test_a_score_that_knows_correlates_and_its_opposite_does_so_negatively():
    scores = {"knows": np.array([0.0, 1.0, 2.0, 9.0]), "lies": -np.array([0.0, 1.0, 2.0, 9.0])}
    told = score_correlations(grids(subsets(), depth=4)[2], scores)
    assert told["knows"] == pytest.approx(1.0)
    assert told["lies"] == pytest.approx(-1.0)


def test_layers_that_differ_by_seed_are_not_told_as_one_choice():
    rows = [row(TEACHER, 190), row("random-2L", 155, 0, "0 3"), row("random-2L", 155, 1, "1 3")]
    (random,) = [finding for finding in findings(rows, TEACHER, 0.003) if finding.configuration == "random-2L"]
    assert random.teacher_layers == []
