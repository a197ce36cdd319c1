"""Plots of a spectral profile: intensity over depth, and a heat map of layer and frequency."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from spectral_distill.spectra.profile import SpectralProfile

_MAX_TICKS = 16

# Transparent where a value equals the mean, so that the plot suits light and dark pages.
_DIVERGING = LinearSegmentedColormap.from_list(
    "less-same-more",
    [(0, "#1f6fd6ff"), (0.25, "#3b82e0c0"), (0.5, "#80808000"), (0.75, "#e0801fc0"), (1, "#d6601fff")],
)


def intensity_over_depth(profile: "SpectralProfile", chosen: Mapping[str, Sequence[int]]) -> Figure:
    """Plot each layer's channel-axis intensity of state and update, and the layers that each strategy selects.

    Args:
        profile: The spectral profile of the teacher.
        chosen: Teacher layers, counted from 0, by strategy.

    Returns:
        The figure. On its axis, "emb" stands for the embeddings.
    """
    picks_height = 0.26 * len(chosen)
    figure, (curve, picks) = plt.subplots(
        2,
        1,
        figsize=(7.2, 3.3 + picks_height),
        sharex=True,
        layout="constrained",
        height_ratios=[2.8, max(0.05, picks_height)],
    )
    depth = np.arange(profile.depth + 1)
    curve.plot(depth, profile.arrays["channel/state/raw/intensity"], "o-", label="state")
    curve.plot(depth, profile.arrays["channel/state/clipped/intensity"], "o--", label="state, outlier channels clipped")
    curve.plot(depth[1:], profile.arrays["channel/update/raw/intensity"], "s-", label="update (change of state)")
    curve.set(ylabel="spectral intensity")
    figure.legend(frameon=False, fontsize=8, ncols=3, loc="outside upper center")
    for row, layers in enumerate(chosen.values()):
        picks.plot(np.asarray(layers) + 1, np.full(len(layers), row), "D", color="C0", markersize=5)
    picks.set(yticks=range(len(chosen)), xlabel="encoder layer, counted from 0", ylim=(len(chosen) - 0.5, -0.5))
    picks.set_yticklabels([shortened(name) for name in chosen], fontsize=8)
    picks.grid(axis="both", alpha=0.25)
    _name_layers(picks.xaxis, profile.depth)
    for axis in (curve, picks):
        axis.spines[["top", "right"]].set_visible(False)
    return _closed(figure)


def heat_map(profile: "SpectralProfile") -> Figure:
    """Plot the fingerprints of all layers on both axes of the FFT, each row divided by its own mean.

    The colour therefore shows the shape of a spectrum, not its size.

    Args:
        profile: The spectral profile of the teacher.

    Returns:
        The figure.
    """
    height = min(4.6, max(2.6, 1.0 + 0.17 * (profile.depth + 1)))
    figure, axes = plt.subplots(1, 2, figsize=(7.2, height), layout="constrained", sharey=True)
    for axis, name in zip(axes, ("channel", "token"), strict=True):
        fingerprint = profile.arrays[f"{name}/state/raw/fingerprint"].numpy()
        shape = np.log2(np.maximum(fingerprint, 1e-12) / np.maximum(fingerprint.mean(axis=1, keepdims=True), 1e-12))
        image = axis.imshow(
            shape,
            aspect="auto",
            origin="lower",
            cmap=_DIVERGING,
            vmin=-2,
            vmax=2,
            interpolation="nearest",
            extent=(0, 0.5, -0.5, len(shape) - 0.5),
        )
        axis.set(title=f"{name} axis", xlabel=f"frequency (cycles per {name})")
    _name_layers(axes[0].yaxis, profile.depth)
    axes[0].set_ylabel("encoder layer, counted from 0")
    bar = figure.colorbar(image, ax=axes, label="magnitude / layer's mean", ticks=[-2, -1, 0, 1, 2])
    bar.ax.set_yticklabels(["1/4", "1/2", "1", "2", "4"])
    return _closed(figure)


def shortened(name: str, most: int = 38) -> str:
    """Shorten a label of a plot in its middle, because names of configurations differ at both ends.

    Args:
        name: The label.
        most: Maximum number of characters.

    Returns:
        The label, of at most `most` characters.
    """
    if len(name) <= most:
        return name
    tail = most // 2 - 1
    return f"{name[: most - tail - 1]}…{name[-tail:]}"


def _name_layers(axis: Axis, depth: int) -> None:
    """Label the ticks "emb", 0, 1, ..: layer l is at l + 1, the embeddings at 0; deep models get fewer ticks."""
    step = math.ceil((depth + 1) / _MAX_TICKS)
    positions = range(step, depth + 1, step)
    axis.set_ticks([0, *positions], ["emb", *(str(position - 1) for position in positions)], fontsize=8)


def _closed(figure: Figure) -> Figure:
    """Return the figure after pyplot has released it, so that many reports do not fill the memory."""
    plt.close(figure)
    return figure
