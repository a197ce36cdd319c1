"""Figures of the report as inline SVG. Their text takes the page's colour, so that they suit light and dark pages."""

import io
import re
from collections.abc import Callable, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from spectral_distill.comparison.artifact import Row
from spectral_distill.comparison.report_tables import ReliabilityBin
from spectral_distill.evaluation.artifact import LayerFidelity
from spectral_distill.spectra.plots import shortened

BLUE, ORANGE, GREEN, PURPLE = "#3b82e0", "#d97516", "#1a9a76", "#9a6bd6"
_INK = "#0a0b0c"  # placeholder for the page's text colour, replaced in the SVG
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "spectral-distill",
    "text.parse_math": False,
    "font.size": 9,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.edgecolor": "none",
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "grid.color": _INK,
    "axes.linewidth": 0.6,
    "grid.linewidth": 0.5,
    "axes.titlesize": 9,
    "lines.markersize": 4.5,
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, PURPLE]),
    "axes.axisbelow": True,
}


def inline_svg(draw: Callable[[], Figure], *, name: str, label: str) -> Markup:
    """Draw a figure in the report's style and convert it to inline SVG.

    Args:
        draw: Function that makes the figure. It is called within the report's matplotlib style.
        name: Prefix of the ids in the SVG, which keeps them distinct from those of other figures on the page.
        label: Text alternative for screen readers.

    Returns:
        The SVG element, as markup that templates do not escape.
    """
    target = io.StringIO()
    with mpl.rc_context(_STYLE):
        draw().savefig(target, format="svg", dpi=144)
    body = re.sub(r"<metadata>.*?</metadata>", "", target.getvalue(), flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'href="#', f'href="#{name}-', body)
    body = body.replace("url(#", f"url(#{name}-").replace(_INK, "currentColor")
    box = re.search(r'viewBox="[^"]*"', body)
    assert box, "matplotlib wrote an SVG without a viewBox"
    inside = body[body.index(">", box.end()) + 1 :]
    return Markup(f'<svg {box.group()} role="img" aria-label="{escape(label)}">{inside}')


def differences_to_teacher(rows: Sequence[Row], shipped: str) -> Figure:
    """Plot each configuration's accuracy less the teacher's, with its bootstrap interval.

    Args:
        rows: Rows of the leaderboard, best first.
        shipped: Name of the student to ship, which is highlighted.

    Returns:
        The figure; its axis is in percentage points.
    """
    figure, axis = plt.subplots(figsize=(7.2, 0.9 + 0.27 * len(rows)), layout="constrained")
    for position, row in enumerate(rows):
        gap = row.versus_teacher
        difference, low, high = (100 * value for value in (gap.difference, gap.low, gap.high))
        colour = BLUE if row.student == shipped else ORANGE
        axis.plot([low, high], [position, position], color=colour, linewidth=1.6, solid_capstyle="butt")
        axis.plot(difference, position, "D" if row.student == shipped else "o", color=colour, markersize=6)
    axis.axvline(0, color=_INK, linewidth=0.8, dashes=(4, 3))
    names = [_row_name(row, shipped) for row in rows]
    axis.set_yticks(range(len(rows)), names, fontsize=8)
    axis.set(ylim=(len(rows) - 0.5, -0.5), xlabel="accuracy less the teacher's, points (dashed: the teacher)")
    axis.grid(axis="x", alpha=0.2)
    return _finished(figure)


def fidelity_by_layer(fidelity: Sequence[LayerFidelity]) -> Figure:
    """Plot the distance between the student's and the teacher's fingerprints at each student layer.

    Args:
        fidelity: Spectral fidelity at the embeddings and each student layer, in depth order.

    Returns:
        The figure, with one line for the channel axis and one for the token axis.
    """
    figure, axis = plt.subplots(figsize=(4.6, 2.8), layout="constrained")
    names = ["emb" if entry.student_layer < 0 else str(entry.student_layer) for entry in fidelity]
    axis.plot(range(len(names)), [entry.channel for entry in fidelity], "o-", label="channel axis")
    axis.plot(range(len(names)), [entry.token for entry in fidelity], "s--", label="token axis")
    every = max(1, len(names) // 14)
    axis.set_xticks(range(0, len(names), every), names[::every], fontsize=8)
    axis.set(xlabel="student layer, counted from 0", ylabel="relative distance")
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False, fontsize=8)
    axis.grid(alpha=0.2)
    return _finished(figure)


def reliability(bins: Sequence[ReliabilityBin]) -> Figure:
    """Plot a reliability diagram: accuracy against confidence, one dot for each bin.

    The area of a dot shows the share of texts in its bin. The dashed line is perfect calibration.

    Args:
        bins: Bins that are not empty.

    Returns:
        The figure.
    """
    figure, axis = plt.subplots(figsize=(4.6, 2.8), layout="constrained")
    axis.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, dashes=(4, 3))
    sizes = np.array([entry.texts for entry in bins], dtype=float)
    axis.scatter(
        [entry.confidence for entry in bins],
        [entry.accuracy for entry in bins],
        s=12 + 240 * sizes / max(sizes.sum(), 1),
        color=BLUE,
        alpha=0.75,
        linewidths=0,
    )
    axis.set(xlim=(0, 1.02), ylim=(-0.02, 1.02), xlabel="mean confidence", ylabel="share answered right")
    axis.grid(alpha=0.2)
    return _finished(figure)


def _row_name(row: Row, shipped: str) -> str:
    """Name a configuration with its rank, which distinguishes names that are equal after shortening."""
    return f"{row.rank}. {shortened(row.configuration)}" + (" (ships)" if row.student == shipped else "")


def _finished(figure: Figure) -> Figure:
    """Remove the upper and right spines, and release the figure from pyplot."""
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    plt.close(figure)
    return figure
