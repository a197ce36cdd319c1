"""Pictures of a spectral profile: intensity over depth, and the layer x frequency heat map."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from components.foundation.spectral_profile import SpectralProfile


def intensity_over_depth(profile: SpectralProfile, chosen: Mapping[str, Sequence[int]]) -> Figure:
    """Channel-axis intensity of each layer's state and update, over it the layers that each strategy chose.

    `chosen`: strategy -> teacher layers counted from 0; layer l is drawn at depth l + 1 (0 is the embeddings).
    """
    figure, (curve, picks) = plt.subplots(
        2, 1, figsize=(7.2, 3.2 + 0.28 * len(chosen)), sharex=True, layout="constrained",
        height_ratios=[3, max(0.05, 0.32 * len(chosen))],
    )  # fmt: skip
    depth = np.arange(profile.depth + 1)
    curve.plot(depth, profile.arrays["channel/state/raw/intensity"], "o-", label="state X^l")
    curve.plot(depth, profile.arrays["channel/state/clipped/intensity"], "o--", label="state, outlier channels clipped")
    curve.plot(depth[1:], profile.arrays["channel/update/raw/intensity"], "s-", label="update X^l − X^(l−1)")
    curve.set(ylabel="spectral intensity", xticks=depth)
    curve.legend(frameon=False, fontsize=8)
    for row, (name, layers) in enumerate(chosen.items()):
        picks.plot(np.asarray(layers) + 1, np.full(len(layers), row), "D", markersize=6)
    picks.set(yticks=range(len(chosen)), xlabel="depth (0 = embeddings)", ylim=(len(chosen) - 0.5, -0.5))
    picks.set_yticklabels(list(chosen), fontsize=8)
    picks.grid(axis="y", alpha=0.3)
    for axis in (curve, picks):
        axis.spines[["top", "right"]].set_visible(False)
    return _closed(figure)


def heat_map(profile: SpectralProfile) -> Figure:
    """Fingerprints of all layers on both axes of the FFT, each row over its own mean: colour is shape, not size."""
    figure, axes = plt.subplots(1, 2, figsize=(7.2, 2.6), layout="constrained", sharey=True)
    for axis, name in zip(axes, ("channel", "token"), strict=True):
        fingerprint = profile.arrays[f"{name}/state/raw/fingerprint"].numpy()
        shape = np.log2(np.maximum(fingerprint, 1e-12) / fingerprint.mean(axis=1, keepdims=True))
        image = axis.imshow(
            shape, aspect="auto", origin="lower", cmap="RdBu_r", vmin=-2, vmax=2, interpolation="nearest",
            extent=(0, 0.5, -0.5, len(shape) - 0.5),
        )  # fmt: skip
        axis.set(title=f"{name} axis", xlabel=f"frequency (cycles per {name})", yticks=range(len(shape)))
    axes[0].set_ylabel("depth (0 = embeddings)")
    figure.colorbar(image, ax=axes, label="log2 of magnitude / layer mean")
    return _closed(figure)


def _closed(figure: Figure) -> Figure:
    """The figure alone, forgotten by pyplot, so that many reports do not add up in memory."""
    plt.close(figure)
    return figure
