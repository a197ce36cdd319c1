"""What the report shows, computed in plain functions: spectra, confusions, calibration, settings."""

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
_WHITE_ENTROPY = 0.98  # at and above this share of the greatest entropy a spectrum is called nearly white
_SAME_AS_CONTROL = 0.02  # relative gap to the permuted control up to which the order of channels is called irrelevant


@dataclass(frozen=True, kw_only=True)
class SpectralFindings:
    """Least and greatest values over layers, and what they say.

    Attributes:
        entropy: On the channel axis, 1 is white.
        token_entropy: On the token axis.
        ratio: Intensity over RMS.
        gap: Greatest relative gap to the permuted control.
        gap_layer: The layer that has it.
        white: Whether the channel axis is nearly white.
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
    """One layer's measures, on the channel axis unless named otherwise."""

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
    """A label, what it is mistaken for, how often, and the first such text."""

    label: str
    predicted: str
    count: int
    text: str


@dataclass(frozen=True, kw_only=True)
class ConfusionRow:
    """How often a label was answered with each label of the matrix, with any other one, and at all."""

    label: str
    counts: list[int]
    others: int
    total: int


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """The texts whose confidence lies between `low` and `high`: mean confidence, accuracy and number."""

    low: float
    high: float
    confidence: float
    accuracy: float
    texts: int


def spectral_findings(profile: SpectralProfile) -> SpectralFindings:
    """What the numbers of this profile say: is the spectrum white, and does the order of channels matter?"""
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
    """A row for the embeddings and every encoder layer."""
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
    """Encoder layers are counted from 0; -1 is the embeddings."""
    return "embeddings" if layer < 0 else str(layer)


def confused_pairs(test: pd.DataFrame) -> list[ConfusedPair]:
    """The label pairs confused most often, each with its first text."""
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
    """A row for each of `labels`: how often it was answered with each of them, and with any other label."""
    answered = Counter(zip(test["label"], test["predicted"], strict=True))
    totals = Counter(test["label"])
    rows = []
    for label in labels:
        counts = [answered[label, other] for other in labels]
        total = totals[label]
        rows.append(ConfusionRow(label=label, counts=counts, others=total - sum(counts), total=total))
    return rows


def reliability_bins(test: pd.DataFrame) -> list[ReliabilityBin]:
    """Mean confidence, share answered right and number of texts in ten equal bins of confidence, without empty ones."""
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
    """Every setting of the run under the step it belongs to, nested names joined by dots."""
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
    """Intensity of the permuted control over the true one of the same texts, less 1: what channel order is worth."""
    permuted, true = (profile.arrays[f"channel/state/{it}/intensity"].numpy() for it in ("permuted", "sample"))
    return _quotient(permuted, true) - 1


def _quotient(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first / np.maximum(second, np.finfo(float).tiny)
