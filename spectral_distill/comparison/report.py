"""The report: one HTML file that needs nothing else, from the leaderboard, the profile and the student's answers.

Everything computed for it is computed here, in plain functions; `report.html.j2` only places it and escapes it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from spectral_distill.comparison import figures
from spectral_distill.core.settings import ComparisonOptions
from spectral_distill.evaluation.scores import worst_pairs
from spectral_distill.spectra.plots import heat_map, intensity_over_depth
from spectral_distill.spectra.profile import SpectralProfile

_WORST_PAIRS = 10
_RELIABILITY_BINS = 10
_WHITE_ENTROPY = 0.98  # at and above this share of the greatest entropy a spectrum is called nearly white
_SAME_AS_CONTROL = 0.02  # relative gap to the permuted control up to which the order of channels is called irrelevant

Settings = dict[str, dict[str, Any]]


def render_report(
    leaderboard: dict[str, Any],
    profile: SpectralProfile,
    chosen: Mapping[str, Sequence[int]],
    predictions: pd.DataFrame,
) -> str:
    """The page. `chosen`: configuration -> teacher layers, counted from 0; `predictions`: the shipped student's."""
    rows = leaderboard["rows"]
    shipped = next(row for row in rows if row["student"] == leaderboard["verdict"]["ship"])
    test = predictions[predictions["split"] == "test"]
    pairs = confused_pairs(test)
    confused = sorted({str(label) for pair in pairs for label in (pair["label"], pair["predicted"])})
    bins = reliability_bins(test)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            board=leaderboard,
            rows=rows,
            shipped=shipped,
            teacher=leaderboard["teacher"],
            labelled={name: split for name, split in leaderboard["data"]["splits"].items() if split["texts_by_label"]},
            has_seeds=any(len(row["seeds"]) > 1 for row in rows),
            has_strangers="out_of_scope_auroc" in leaderboard["teacher"]["scores"],
            spectrum=spectral_findings(profile),
            layers=layer_table(profile),
            pairs=pairs,
            confusion=confusion(test, confused),
            bins=bins,
            mean_confidence=float(test["confidence"].mean()),
            settings=settings_by_group(leaderboard, shipped["evaluation"]["settings"]),
            figures=_figures(rows, shipped, profile, chosen, bins),
        )
    )


def spectral_findings(profile: SpectralProfile) -> dict[str, Any]:
    """What the numbers of this profile say: is the spectrum white, and does the order of channels matter?"""
    entropy, token_entropy = (profile.arrays[f"{axis}/state/raw/entropy"].numpy() for axis in ("channel", "token"))
    ratio, gap = _intensity_over_rms(profile), np.abs(_gap_to_control(profile))
    return {
        "entropy": (float(entropy.min()), float(entropy.max())),
        "token_entropy": (float(token_entropy.min()), float(token_entropy.max())),
        "ratio": (float(ratio.min()), float(ratio.max())),
        "gap": float(gap.max()),
        "gap_layer": layer_name(int(gap.argmax()) - 1),
        "white": bool(entropy.min() >= _WHITE_ENTROPY),
        "order_irrelevant": bool(gap.max() <= _SAME_AS_CONTROL),
    }


def layer_table(profile: SpectralProfile) -> list[dict[str, Any]]:
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
        {"layer": layer_name(layer - 1), **{name: float(values[layer]) for name, values in columns.items()}}
        for layer in range(profile.depth + 1)
    ]


def layer_name(layer: int) -> str:
    """Encoder layers are counted from 0; -1 is the embeddings."""
    return "embeddings" if layer < 0 else str(layer)


def confused_pairs(test: pd.DataFrame) -> list[dict[str, Any]]:
    """The label pairs confused most often, each with its first text."""
    return [
        {
            "label": label,
            "predicted": predicted,
            "count": count,
            "text": str(test.loc[(test["label"] == label) & (test["predicted"] == predicted), "text"].iloc[0]),
        }
        for label, predicted, count in worst_pairs(test, _WORST_PAIRS)
    ]


def confusion(test: pd.DataFrame, labels: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each of `labels`: how often it was answered with each of them, and with any other label."""
    answered = Counter(zip(test["label"], test["predicted"], strict=True))
    totals = Counter(test["label"])
    rows = []
    for label in labels:
        counts = [answered[label, other] for other in labels]
        rows.append({"label": label, "counts": counts, "others": totals[label] - sum(counts), "total": totals[label]})
    return rows


def reliability_bins(test: pd.DataFrame) -> list[dict[str, float]]:
    """Mean confidence, share answered right and number of texts in ten equal bins of confidence, without empty ones."""
    confidence = test["confidence"].to_numpy(dtype=float)
    correct = (test["label"] == test["predicted"]).to_numpy()
    place = np.minimum((confidence * _RELIABILITY_BINS).astype(int), _RELIABILITY_BINS - 1)
    return [
        {
            "low": index / _RELIABILITY_BINS,
            "high": (index + 1) / _RELIABILITY_BINS,
            "confidence": float(confidence[place == index].mean()),
            "accuracy": float(correct[place == index].mean()),
            "texts": int((place == index).sum()),
        }
        for index in np.unique(place).tolist()
    ]


def settings_by_group(leaderboard: dict[str, Any], student: dict[str, Any]) -> Settings:
    """Every setting of the run under the step it belongs to, nested names joined by dots."""
    data, comparison = leaderboard["data"], set(ComparisonOptions.model_fields)
    groups = {
        "Data": {**{name: data[name] for name in ("source", "version")}, **data["further_sources"], **data["settings"]},
        "Teacher": leaderboard["teacher"]["settings"],
        "Spectral profile": leaderboard["profile"],
        "Signals": leaderboard["rows"][0]["evaluation"]["signals"],
        "Students": {name: value for name, value in student.items() if not name.startswith("latency_")},
        "Latency": {name: value for name, value in student.items() if name.startswith("latency_")},
        "Comparison": {name: value for name, value in leaderboard["settings"].items() if name in comparison},
        "Promotion": {name: value for name, value in leaderboard["settings"].items() if name not in comparison},
    }
    return {title: dict(_flat(values)) for title, values in groups.items()}


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _intensity_over_rms(profile: SpectralProfile) -> np.ndarray:
    return _quotient(profile.arrays["channel/state/raw/intensity"].numpy(), profile.arrays["state/rms"].numpy())


def _gap_to_control(profile: SpectralProfile) -> np.ndarray:
    """Intensity of the permuted control over the true one of the same texts, less 1: what channel order is worth."""
    permuted, true = (profile.arrays[f"channel/state/{it}/intensity"].numpy() for it in ("permuted", "sample"))
    return _quotient(permuted, true) - 1


def _quotient(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first / np.maximum(second, np.finfo(float).tiny)


def _figures(
    rows: Sequence[dict[str, Any]],
    shipped: dict[str, Any],
    profile: SpectralProfile,
    chosen: Mapping[str, Sequence[int]],
    bins: Sequence[dict[str, float]],
) -> dict[str, Markup]:
    student, fidelity = shipped["student"], shipped["evaluation"]["fidelity"]
    by_rank = {f"{row['rank']}. {row['configuration']}": chosen[row["configuration"]] for row in rows}
    drawings: dict[str, tuple[Callable[[], Figure], str]] = {
        "differences": (
            lambda: figures.differences_to_teacher(rows, student),
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
            lambda: figures.fidelity_by_layer(fidelity),
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


def _setting(value: Any) -> str:
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
