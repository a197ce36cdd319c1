"""The report: one HTML file that needs nothing else, from the leaderboard, the profile and the student's answers.

`report_tables` computes what it shows; `report.html.j2` only places it and escapes it.
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
    """Make the page.

    Args:
        board: The comparison.
        profile: The teacher's spectral profile.
        predictions: The shipped student's.

    Returns:
        One HTML document that needs no other file.
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
    """Everything that comes from data is escaped, and a name that is missing is an error, not a gap on the page."""
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
    """A difference of shares in percentage points, signed; no minus before a zero."""
    return _minus(f"{round(100 * value, 2) + 0.0:+.2f}") if round(100 * value, 2) else "0.00"


def _signed_percent(value: float) -> str:
    return _minus(f"{value:+.2%}") if round(value, 4) else "0.00%"


def _minus(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}")


def _p_value(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _setting(value: object) -> str:
    """A setting as one would type it; what is absent or empty says so."""
    if value is None or value == "" or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(_setting, value)) if isinstance(value, list | tuple) else str(value)


def _breakable(name: str) -> Markup:
    """A name that may wrap after its underscores and slashes rather than anywhere."""
    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[_/])", name))


def _mix(layers: Sequence[Sequence[float]]) -> str:
    """The teacher layers of one student layer, with their weights where there are several."""
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
