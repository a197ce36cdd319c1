"""The spectral profile of a model: what each layer's hidden states look like in frequency, streamed over texts.

Arrays of a profile are named `axis/quantity/variant/measure` (for example `channel/state/raw/intensity`):

    axis      channel | token
    quantity  state: the layer's output X^l, l = 0 (embeddings) .. D; update: X^l - X^(l-1), l = 1 .. D
    variant   raw | rms (each token over its RMS) | clipped (outlier channels clipped) |
              permuted (channel axis only: the control, channels in a random but fixed order)
    measure   fingerprint [layers, bins], intensity [layers], entropy [layers], band_shares [layers, bands]

Beside them stand `state/rms` [D + 1] and `update/rms` [D], the mean RMS over tokens.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from components.foundation import spectrum

if TYPE_CHECKING:  # reading a profile needs no model library
    from components.foundation.text_model import TextClassifier

BANDS = 4
_BATCH = 32
_PERMUTATION_SEED = 0
_ARRAYS, _FACTS = "profile.safetensors", "profile.json"


@dataclass(frozen=True, kw_only=True)
class SpectralProfile:
    """Arrays by name (see the module) and the facts: what was measured, on what, with which settings."""

    arrays: dict[str, Tensor]
    facts: dict[str, Any]

    @property
    def depth(self) -> int:
        return int(self.facts["depth"])

    def layers(self, measure: str) -> Tensor:
        """A measure of the D encoder layers alone: the first axis without the embeddings, if it has them."""
        values = self.arrays[measure]
        return values[1:] if len(values) == self.depth + 1 else values

    def save(self, folder: Path) -> None:
        save_file({name: array.contiguous() for name, array in self.arrays.items()}, folder / _ARRAYS)
        (folder / _FACTS).write_text(json.dumps(self.facts, indent=2), encoding="utf-8")


def load_profile(folder: str | Path) -> SpectralProfile:
    facts = json.loads((Path(folder) / _FACTS).read_text(encoding="utf-8"))
    return SpectralProfile(arrays=load_file(Path(folder) / _ARRAYS), facts=facts)


def profile_classifier(
    classifier: "TextClassifier", texts: Sequence[str], *, bins: int, clip_sigmas: float, what: str = ""
) -> SpectralProfile:
    """Run the texts through the model and measure every layer. Memory does not grow with the number of texts."""
    meter = SpectralMeter(points=token_grid(classifier.max_tokens), clip_sigmas=clip_sigmas)
    classifier.model.eval()
    with torch.inference_mode():
        for _, batch in classifier.batches(texts, _BATCH, what):
            states = classifier.model(**batch, output_hidden_states=True).hidden_states
            meter.update(states, batch["attention_mask"])
    return meter.profile(bins=bins)


def token_grid(max_tokens: int) -> int:
    """Points of the token-axis grid: the least even number that holds the longest text."""
    return max_tokens + max_tokens % 2


class SpectralMeter:
    """Sums of spectra over the real tokens (channel axis) or texts (token axis) of a stream of batches, in float64."""

    def __init__(self, *, points: int, clip_sigmas: float):
        self._points, self._clip_sigmas = points, clip_sigmas
        self._magnitudes: dict[str, Tensor] = {}
        self._rms: dict[str, Tensor] = {}
        self._tokens = self._texts = self._depth = self._channels = 0

    def update(self, hidden_states: Sequence[Tensor], mask: Tensor) -> None:
        """Add one batch: D + 1 tensors [B, L, H], embeddings first, and the mask [B, L]."""
        self._depth, self._channels = len(hidden_states) - 1, hidden_states[0].shape[-1]
        self._texts += len(mask)
        self._tokens += int(mask.sum())
        previous = None
        for layer, states in enumerate(hidden_states):
            states = spectrum.at_least_float32(states)
            self._measure("state", layer, states, mask)
            if previous is not None:
                self._measure("update", layer - 1, states - previous, mask)
            previous = states

    def profile(self, *, bins: int) -> SpectralProfile:
        """The profile of everything seen so far; `bins` as in `spectrum.intensity`."""
        arrays: dict[str, Tensor] = {f"{name}/rms": total / self._tokens for name, total in self._rms.items()}
        for name, total in self._magnitudes.items():
            on_channels = name.startswith("channel/")
            weights = spectrum.two_sided_weights(self._channels if on_channels else self._points)
            fingerprint = total / (self._tokens if on_channels else self._texts * self._channels)
            arrays |= _measures(name, fingerprint, weights, bins)
        facts = {
            "depth": self._depth,
            "channels": self._channels,
            "texts": self._texts,
            "tokens": self._tokens,
            "bins": bins,
            "clip_sigmas": self._clip_sigmas,
            "token_grid_points": self._points,
            "bands": BANDS,
            "normalisation": "orthonormal, one-sided; averages weigh mirrored bins twice",
            "frequency_unit": {"channel": "cycles per H channels", "token": f"cycles per {self._points} tokens"},
        }
        return SpectralProfile(arrays=arrays, facts=facts)

    def _measure(self, quantity: str, layer: int, states: Tensor, mask: Tensor) -> None:
        tokens = states[mask.bool()]
        token_rms = spectrum.rms(tokens)
        layers = self._depth + 1 if quantity == "state" else self._depth
        self._rms.setdefault(quantity, torch.zeros(layers, dtype=torch.float64))[layer] += (
            token_rms.double().sum().cpu()
        )
        scale = token_rms.clamp(min=torch.finfo(token_rms.dtype).tiny).reciprocal()
        clipped = spectrum.clip_outliers(tokens, self._clip_sigmas)
        permuted = tokens[:, _permutation(tokens.shape[-1]).to(tokens.device)]

        magnitude = spectrum.channel_spectrum(tokens).abs()
        self._add(f"channel/{quantity}/raw", layer, magnitude.sum(dim=0))
        self._add(f"channel/{quantity}/rms", layer, (magnitude * scale[:, None]).sum(dim=0))
        self._add(f"channel/{quantity}/clipped", layer, spectrum.channel_spectrum(clipped).abs().sum(dim=0))
        self._add(f"channel/{quantity}/permuted", layer, spectrum.channel_spectrum(permuted).abs().sum(dim=0))

        for variant, values in (("raw", tokens), ("rms", tokens * scale[:, None]), ("clipped", clipped)):
            batch = torch.zeros_like(states)
            batch[mask.bool()] = values
            magnitude = spectrum.token_spectrum(batch, mask, self._points).abs()
            self._add(f"token/{quantity}/{variant}", layer, magnitude.sum(dim=(0, 2)))

    def _add(self, name: str, layer: int, magnitudes: Tensor) -> None:
        """`magnitudes` [bins], summed over the batch, into row `layer` of `name`."""
        layers = self._depth + 1 if "/state/" in name else self._depth
        sums = self._magnitudes.setdefault(name, torch.zeros(layers, len(magnitudes), dtype=torch.float64))
        sums[layer] += magnitudes.double().cpu()


def _measures(name: str, fingerprint: Tensor, weights: Tensor, bins: int) -> dict[str, Tensor]:
    return {
        f"{name}/fingerprint": fingerprint,
        f"{name}/intensity": spectrum.intensity(fingerprint, weights, bins),
        f"{name}/entropy": spectrum.spectral_entropy(fingerprint, weights),
        f"{name}/band_shares": spectrum.band_shares(fingerprint, weights, BANDS),
    }


def _permutation(channels: int) -> Tensor:
    return torch.randperm(channels, generator=torch.Generator().manual_seed(_PERMUTATION_SEED))
