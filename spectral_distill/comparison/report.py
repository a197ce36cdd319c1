"""The report: one self-contained HTML file, from the leaderboard, the profile and the student's predictions.

`report_tables` computes what the report shows; `report.html.j2` only lays it out and escapes it.
"""

import re
from collections.abc import Callable, Sequence

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from spectral_distill.comparison import figures
from spectral_distill.comparison.artifact import Comparison
from spectral_distill.comparison.report_tables import (
    ReliabilityBin,
    confused_pairs,
    confusion,
    layer_name,
    layer_table,
    reliability_bins,
    settings_by_group,
    spectral_findings,
)
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.spectra.plots import heat_map, intensity_over_depth
from spectral_distill.spectra.profile import SpectralProfile


def render_report(board: Comparison, profile: SpectralProfile, predictions: pd.DataFrame) -> str:
    """Render the report.

    Args:
        board: The comparison.
        profile: The teacher's spectral profile.
        predictions: Predictions of the shipped student, in the columns of `evaluation.artifact`.

    Returns:
        An HTML document that needs no other file.
    """
    rows = board.rows
    test = predictions[predictions["split"] == "test"]
    pairs = confused_pairs(test)
    confused = sorted({label for pair in pairs for label in (pair.label, pair.predicted)})
    bins = reliability_bins(test)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            board=board,
            rows=rows,
            fields=[name for name in Candidate.model_fields if name != "seed"],
            shipped=board.shipped,
            teacher=board.teacher,
            labelled={name: split for name, split in board.data.splits.items() if split.texts_by_label},
            has_seeds=any(len(row.seeds) > 1 for row in rows),
            has_strangers=board.teacher.scores.out_of_scope_auroc is not None,
            spectrum=spectral_findings(profile),
            layers=layer_table(profile),
            pairs=pairs,
            confusion=confusion(test, confused),
            bins=bins,
            mean_confidence=float(test["confidence"].mean()),
            settings=settings_by_group(board),
            figures=_figures(board, profile, bins),
        )
    )


def _figures(board: Comparison, profile: SpectralProfile, bins: Sequence[ReliabilityBin]) -> dict[str, Markup]:
    by_rank = {f"{row.rank}. {row.configuration}": row.evaluation.teacher_layers for row in board.rows}
    drawings: dict[str, tuple[Callable[[], Figure], str]] = {
        "differences": (
            lambda: figures.differences_to_teacher(board.rows, board.verdict.ship),
            "Accuracy of every configuration less the teacher's, with intervals; the numbers are in the table.",
        ),
        "intensity": (
            lambda: intensity_over_depth(profile, by_rank),
            "Spectral intensity of every layer, and below it the layers that each configuration chose.",
        ),
        "heat_map": (
            lambda: heat_map(profile),
            "Magnitude by layer and frequency over the layer's mean, on the channel axis and on the token axis.",
        ),
        "fidelity": (
            lambda: figures.fidelity_by_layer(board.shipped.evaluation.fidelity),
            "Distance between the student's and the teacher's spectra by layer; the numbers are in the table.",
        ),
        "reliability": (
            lambda: figures.reliability(bins),
            "Share of right answers against confidence; the numbers are in the table.",
        ),
    }
    return {name: figures.inline_svg(draw, name=name, label=label) for name, (draw, label) in drawings.items()}


def _environment() -> Environment:
    """Make an environment that escapes all data, and in which a missing name is an error rather than a gap."""
    environment = Environment(
        loader=PackageLoader("spectral_distill.comparison", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    return environment


def _percent(value: float) -> str:
    return f"{value:.2%}"


def _points(value: float) -> str:
    """Format a difference of shares in percentage points, signed; without a minus before zero."""
    return _minus(f"{round(100 * value, 2) + 0.0:+.2f}") if round(100 * value, 2) else "0.00"


def _signed_percent(value: float) -> str:
    return _minus(f"{value:+.2%}") if round(value, 4) else "0.00%"


def _minus(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}")


def _p_value(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _setting(value: object) -> str:
    """Format a setting as a user would type it, and an absent or empty one as "none"."""
    if value is None or value == "" or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(_setting, value)) if isinstance(value, list | tuple) else str(value)


def _breakable(name: str) -> Markup:
    """Let a name wrap after underscores and slashes only."""
    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[_/])", name))


def _mix(layers: Sequence[Sequence[float]]) -> str:
    """Format the teacher layers of one student layer, with their weights if there are several."""
    if len(layers) == 1:
        return layer_name(int(layers[0][0]))
    return ", ".join(f"{layer_name(int(layer))} ({weight:g})" for layer, weight in layers)


_FILTERS: dict[str, Callable[..., str]] = {
    "percent": _percent,
    "points": _points,
    "signed_percent": _signed_percent,
    "p_value": _p_value,
    "setting": _setting,
    "breakable": _breakable,
    "mix": _mix,
    "fixed": lambda value, digits=3: _minus(f"{value:.{digits}f}"),
    "significant": lambda value: f"{value:#.4g}",
    "times": lambda value: f"{value:.2f}\N{MULTIPLICATION SIGN}",
    "whole": lambda value: f"{value:,.0f}",
    "millions": lambda value: f"{value / 1e6:,.1f}",
}
