"""The tables of the report, computed in plain functions: spectra, confusions, calibration, settings."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spectral_distill.comparison.artifact import Comparison
from spectral_distill.core.settings import ComparisonOptions
from spectral_distill.evaluation.scores import worst_pairs
from spectral_distill.spectra.profile import SpectralProfile

_WORST_PAIRS = 10
_RELIABILITY_BINS = 10
_WHITE_ENTROPY = 0.98  # minimum share of the maximum entropy for a spectrum that is called nearly white
_SAME_AS_CONTROL = 0.02  # maximum relative gap to the permuted control if the order of channels is irrelevant


@dataclass(frozen=True, kw_only=True)
class SpectralFindings:
    """Minimum and maximum over layers, and what follows from them.

    Attributes:
        entropy: Entropy on the channel axis; 1 is a white spectrum.
        token_entropy: Entropy on the token axis.
        ratio: Intensity over RMS.
        gap: Maximum relative gap to the permuted control.
        gap_layer: The layer with this gap.
        white: Whether the spectrum of the channel axis is nearly white.
        order_irrelevant: Whether the order of channels does not matter.
    """

    entropy: tuple[float, float]
    token_entropy: tuple[float, float]
    ratio: tuple[float, float]
    gap: float
    gap_layer: str
    white: bool
    order_irrelevant: bool


@dataclass(frozen=True, kw_only=True)
class LayerMeasures:
    """One layer's measures, on the channel axis unless named otherwise.

    Attributes:
        layer: Name of the layer.
        intensity: Spectral intensity.
        rms: Mean RMS over tokens.
        ratio: Intensity over RMS.
        entropy: Spectral entropy, from 0 to 1.
        low_band: Power in the lowest band, relative to a white spectrum.
        permuted: Intensity of the permuted control.
        gap: The permuted control's intensity relative to that of the same texts, less 1.
        token_entropy: Spectral entropy on the token axis, from 0 to 1.
        token_low_band: Power in the lowest band of the token axis, relative to a white spectrum.
    """

    layer: str
    intensity: float
    rms: float
    ratio: float
    entropy: float
    low_band: float
    permuted: float
    gap: float
    token_entropy: float
    token_low_band: float


@dataclass(frozen=True, kw_only=True)
class ConfusedPair:
    """A pair of labels that the student confuses.

    Attributes:
        label: The true label.
        predicted: The predicted label.
        count: Number of test texts.
        text: The first of them.
    """

    label: str
    predicted: str
    count: int
    text: str


@dataclass(frozen=True, kw_only=True)
class ConfusionRow:
    """A row of the confusion matrix.

    Attributes:
        label: The true label.
        counts: Number of texts predicted as each label of the matrix.
        others: Number of texts predicted as any other label.
        total: Number of texts of this label.
    """

    label: str
    counts: list[int]
    others: int
    total: int


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """The test texts with a confidence from `low` to `high`.

    Attributes:
        low: Lower end of the bin.
        high: Upper end of the bin.
        confidence: Mean confidence of its texts.
        accuracy: Share of them that were classified correctly.
        texts: Their number.
    """

    low: float
    high: float
    confidence: float
    accuracy: float
    texts: int


def spectral_findings(profile: SpectralProfile) -> SpectralFindings:
    """Summarise a profile: is the spectrum white, and does the order of channels matter?

    Args:
        profile: The teacher's spectral profile.

    Returns:
        The findings.
    """
    entropy, token_entropy = (profile.arrays[f"{axis}/state/raw/entropy"].numpy() for axis in ("channel", "token"))
    gap = np.abs(_gap_to_control(profile))
    return SpectralFindings(
        entropy=_range(entropy),
        token_entropy=_range(token_entropy),
        ratio=_range(_intensity_over_rms(profile)),
        gap=float(gap.max()),
        gap_layer=layer_name(int(gap.argmax()) - 1),
        white=bool(entropy.min() >= _WHITE_ENTROPY),
        order_irrelevant=bool(gap.max() <= _SAME_AS_CONTROL),
    )


def layer_table(profile: SpectralProfile) -> list[LayerMeasures]:
    """List the measures of the embeddings and of each encoder layer.

    Args:
        profile: The teacher's spectral profile, of D layers.

    Returns:
        D + 1 rows, embeddings first.
    """
    arrays = profile.arrays
    columns = {
        "intensity": arrays["channel/state/raw/intensity"].numpy(),
        "rms": arrays["state/rms"].numpy(),
        "ratio": _intensity_over_rms(profile),
        "entropy": arrays["channel/state/raw/entropy"].numpy(),
        "low_band": arrays["channel/state/raw/band_shares"].numpy()[:, 0],
        "permuted": arrays["channel/state/permuted/intensity"].numpy(),
        "gap": _gap_to_control(profile),
        "token_entropy": arrays["token/state/raw/entropy"].numpy(),
        "token_low_band": arrays["token/state/raw/band_shares"].numpy()[:, 0],
    }
    return [
        LayerMeasures(layer=layer_name(layer - 1), **{name: float(values[layer]) for name, values in columns.items()})
        for layer in range(profile.depth + 1)
    ]


def layer_name(layer: int) -> str:
    """Name a layer.

    Args:
        layer: Encoder layer, counted from 0; -1 for the embeddings.

    Returns:
        The number as text, or `embeddings`.
    """
    return "embeddings" if layer < 0 else str(layer)


def confused_pairs(test: pd.DataFrame) -> list[ConfusedPair]:
    """List the pairs of labels that are confused most often, each with its first text.

    Args:
        test: Predictions on the test split.

    Returns:
        At most ten pairs, in descending order of their counts.
    """
    return [
        ConfusedPair(
            label=label,
            predicted=predicted,
            count=count,
            text=str(test.loc[(test["label"] == label) & (test["predicted"] == predicted), "text"].iloc[0]),
        )
        for label, predicted, count in worst_pairs(test, _WORST_PAIRS)
    ]


def confusion(test: pd.DataFrame, labels: Sequence[str]) -> list[ConfusionRow]:
    """Compute the confusion matrix of some labels.

    Args:
        test: Predictions on the test split.
        labels: Labels of the rows and columns.

    Returns:
        One row for each label.
    """
    answered = Counter(zip(test["label"], test["predicted"], strict=True))
    totals = Counter(test["label"])
    rows = []
    for label in labels:
        counts = [answered[label, other] for other in labels]
        total = totals[label]
        rows.append(ConfusionRow(label=label, counts=counts, others=total - sum(counts), total=total))
    return rows


def reliability_bins(test: pd.DataFrame) -> list[ReliabilityBin]:
    """Group test texts into ten equal bins of confidence.

    Args:
        test: Predictions on the test split.

    Returns:
        The bins that are not empty, in ascending order.
    """
    confidence = test["confidence"].to_numpy(dtype=float)
    correct = (test["label"] == test["predicted"]).to_numpy()
    place = np.minimum((confidence * _RELIABILITY_BINS).astype(int), _RELIABILITY_BINS - 1)
    return [
        ReliabilityBin(
            low=index / _RELIABILITY_BINS,
            high=(index + 1) / _RELIABILITY_BINS,
            confidence=float(confidence[place == index].mean()),
            accuracy=float(correct[place == index].mean()),
            texts=int((place == index).sum()),
        )
        for index in np.unique(place).tolist()
    ]


def settings_by_group(board: Comparison) -> dict[str, dict[str, object]]:
    """Group the settings of a run by step.

    Args:
        board: The comparison.

    Returns:
        Settings by name, by title of the group; nested names are joined by dots.
    """
    card = board.data.model_dump(include={"source", "version", "further_sources", "settings"})
    student = board.shipped.evaluation.settings.model_dump()
    decision, comparison = board.settings.model_dump(), ComparisonOptions.model_fields.keys()
    groups = {
        "Data": {"source": card["source"], "version": card["version"], **card["further_sources"], **card["settings"]},
        "Teacher": board.teacher.settings.model_dump(),
        "Spectral profile": board.profile.model_dump(exclude={"schema_version"}),
        "Signals": board.rows[0].evaluation.signals.model_dump(exclude={"schema_version"}),
        "Students": {name: value for name, value in student.items() if not name.startswith("latency_")},
        "Latency": {name: value for name, value in student.items() if name.startswith("latency_")},
        "Comparison": {name: value for name, value in decision.items() if name in comparison},
        "Promotion": {name: value for name, value in decision.items() if name not in comparison},
    }
    return {title: dict(_flat(values)) for title, values in groups.items()}


def _flat(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _range(values: np.ndarray) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _intensity_over_rms(profile: SpectralProfile) -> np.ndarray:
    return _quotient(profile.arrays["channel/state/raw/intensity"].numpy(), profile.arrays["state/rms"].numpy())


def _gap_to_control(profile: SpectralProfile) -> np.ndarray:
    """Compute the permuted control's intensity over that of the same texts, less 1: the effect of channel order."""
    permuted, true = (profile.arrays[f"channel/state/{it}/intensity"].numpy() for it in ("permuted", "sample"))
    return _quotient(permuted, true) - 1


def _quotient(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first / np.maximum(second, np.finfo(float).tiny)
