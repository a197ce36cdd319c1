"""A study's findings in Markdown, with a plot."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from spectral_distill.selection.layer_scores import SCORES
from spectral_distill.spectra.profile import SpectralProfile
from spectral_distill.storage.uris import write_whole
from spectral_distill.study.evidence import Finding, Grid, findings, grids, oracle, score_correlations
from spectral_distill.study.plan import Plan
from spectral_distill.study.table import FROZEN, TEACHER, Row

_SAME_SCORE = ("spectral_edges", "lowest_intensity")  # as spectral_intensity
_NOTES = """- *accuracy*: mean over seeds on {texts} test texts, with the t interval over seeds where there are several;
  *kept*: over the teacher's; *agrees*: same answer as the teacher.
- Differences are in points of accuracy, paired by text, with 95 % bootstrap intervals over texts; *p*: paired t test
  over texts against the reference `{reference}`, Holm's correction for {tests} tests.
- *not worse*: p of a one-sided paired t test over texts that it is worse than the teacher by {margin:.2g} points or
  more, uncorrected; below 0.05 it is shown not to be."""


def write_report(plan: Plan, rows: Sequence[Row], profile: SpectralProfile, folder: Path, name: str) -> None:
    """Write `<name>.md` and `<name>.png`.

    Args:
        plan: The study's plan.
        rows: Its rows.
        profile: The teacher's profile, for its layer scores.
        folder: Folder of the report; its table lies there, too.
        name: Name of the study.
    """
    found = findings(rows, plan.reference, plan.margin)
    title = f"# Study {name}"
    seeds = sorted({row.seed for row in rows if row.configuration not in (TEACHER, FROZEN)})
    intro = f"{len(rows)} runs; seeds {', '.join(map(str, seeds))}. One row a run: [{name}.csv]({name}.csv)."
    notes = _NOTES.format(texts=rows[0].texts, reference=plan.reference, tests=len(found) - 1, margin=100 * plan.margin)
    parts = [title, intro, f"![Accuracy by configuration]({name}.png)", _table(found), notes]
    for size, grid in grids(rows, profile.depth).items():
        parts.append(f"## The oracle: every way to keep {size} of {profile.depth} layers")
        parts += [_oracle_text(grid, profile), _oracle_table(rows, grid)]
        parts.append(f"*rank*: of the choice among all {len(grid)} subsets, by mean accuracy over seeds.")
    write_whole(folder / f"{name}.md", "\n\n".join(parts) + "\n")
    _plot(found).savefig(folder / f"{name}.png", dpi=120)


def _table(found: Sequence[Finding]) -> str:
    lines = [
        "| configuration | layers | seeds | accuracy | kept | agrees | vs teacher | not worse | vs reference | p |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found:
        spread = f" [{_percent(row.over_seeds[0])}, {_percent(row.over_seeds[1])}]" if row.over_seeds else ""
        lines.append(
            f"| `{row.configuration}` | {', '.join(map(str, row.teacher_layers))} | {row.seeds} "
            f"| {_percent(row.accuracy)}{spread} | {row.kept:.2%} | {row.agreement:.2%} "
            f"| {_points(row.versus_teacher)} | {row.p_not_worse:.3f} "
            f"| {_points(row.versus_reference)} | {row.p_reference:.3f} |"
        )
    return "\n".join(lines)


def _oracle_text(grid: Grid, profile: SpectralProfile) -> str:
    scores = {name: score(profile) for name, score in SCORES.items() if name not in _SAME_SCORE}
    found = [f"`{name}` {rho:+.2f}" for name, rho in score_correlations(grid, scores).items()]
    return f"Spearman's correlation between a subset's summed layer scores and its accuracy: {', '.join(found)}."


def _oracle_table(rows: Sequence[Row], grid: Grid) -> str:
    lines = ["| strategy | its layers | rank | regret, points |", "|---|---|---|---|"]
    lines += [
        f"| `{verdict.strategy}` | {', '.join(map(str, verdict.layers))} | {verdict.rank} of {verdict.of} "
        f"| {100 * verdict.regret:.2f} |"
        for verdict in oracle(rows, grid)
    ]
    return "\n".join(lines)


def _plot(found: Sequence[Finding]) -> Figure:
    """Plot each configuration's accuracy with the interval of its difference to the teacher; anchors as lines."""
    students = [row for row in found if row.configuration not in (TEACHER, FROZEN)][::-1]
    figure = Figure(figsize=(8, 2.0 + 0.26 * len(students)), layout="constrained")
    axes = figure.add_subplot()
    teacher = next(row.accuracy for row in found if row.configuration == TEACHER)
    for position, row in enumerate(students):
        _, low, high = row.versus_teacher
        axes.plot([100 * (teacher + low), 100 * (teacher + high)], [position, position], color="#8fa3bf", linewidth=2)
        axes.plot(100 * row.accuracy, position, "o", color="#1f4e8c", markersize=5)
    for row in found:
        if row.configuration in (TEACHER, FROZEN):
            axes.axvline(100 * row.accuracy, linestyle="--" if row.configuration == TEACHER else ":", color="#555555")
            axes.text(100 * row.accuracy, len(students) - 0.4, row.configuration, rotation=30, fontsize=8)
    axes.set_ylim(-0.6, len(students) - 0.5)
    axes.set_yticks(range(len(students)), [row.configuration for row in students], fontsize=8)
    axes.set_xlabel("accuracy on the test split, %; bars: 95 % interval of the difference to the teacher")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#dddddd")
    axes.set_axisbelow(True)
    return figure


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _points(difference: tuple[float, float, float]) -> str:
    mean, low, high = (100 * value for value in difference)
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"
