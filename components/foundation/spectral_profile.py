"""The spectral profile of a model: what each layer's hidden states look like in frequency, streamed over texts.

Arrays of a profile are named `axis/quantity/variant/measure` (for example `channel/state/raw/intensity`):

    axis      channel | token
    quantity  state: the layer's output X^l, l = 0 (embeddings) .. D; update: X^l - X^(l-1), l = 1 .. D
    variant   raw | rms (each token over its RMS) | clipped (outlier channels clipped) |
              permuted (channel axis only: the control, channels in a random but fixed order)
    measure   fingerprint [layers, bins], intensity [layers], entropy [layers], band_shares [layers, bands]

Beside them stand `state/rms` [D + 1] and `update/rms` [D], the mean RMS over tokens; `update/block_influence` [D], the
mean of 1 - cosine between a layer's input and output (ShortGPT, arXiv 2403.03853, equation 1); and
`state/linear_cka` [D + 1, D + 1] between layers' mean-pooled states (Kornblith et al. 2019, arXiv 1905.00414).

`clipped`, `permuted`, the token axis of updates and linear CKA are controls or need whole Gram matrices: they are
measured on the first `CONTROL_TEXTS` texts, everything else on all.
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
from components.foundation.precision import fast_inference

if TYPE_CHECKING:  # reading a profile needs no model library
    from components.foundation.text_model import TextClassifier

BANDS = 4
TOKEN_GRID = 32
"""Points of the token axis' frequency grid: 17 frequencies from 0 to half a cycle per token."""
CONTROL_TEXTS = 256
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
    meter = SpectralMeter(clip_sigmas=clip_sigmas)
    classifier.model.eval()
    for positions, batch in classifier.batches(texts, _BATCH, what):
        with fast_inference():
            states = classifier.model(**batch, output_hidden_states=True).hidden_states
        meter.update(states, batch["attention_mask"], torch.from_numpy(positions))
    return meter.profile(bins=bins)


class SpectralMeter:
    """Sums of spectra over the real tokens (channel axis) or texts (token axis) of a stream of batches, in float64."""

    def __init__(self, *, clip_sigmas: float):
        self._clip_sigmas = clip_sigmas
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._pooled: dict[int, Tensor] = {}
        self._tokens = self._texts = self._depth = self._channels = 0

    def update(self, hidden_states: Sequence[Tensor], mask: Tensor, positions: Tensor) -> None:
        """Add one batch: D + 1 tensors [B, L, H], embeddings first, the mask [B, L], and the texts' positions [B]."""
        self._depth, self._channels = len(hidden_states) - 1, hidden_states[0].shape[-1]
        self._texts += len(mask)
        self._tokens += int(mask.sum())
        states = torch.stack([spectrum.at_least_float32(layer) for layer in hidden_states])
        updates = states.diff(dim=0)
        self._measure_all("state", states, mask)
        self._measure_all("update", updates, mask)
        self._measure_turn(states, mask)
        controls = (positions < CONTROL_TEXTS).to(mask.device)
        if controls.any():
            self._measure_controls("state", states[:, controls], mask[controls])
            self._measure_controls("update", updates[:, controls], mask[controls])
            self._keep_pooled(states[:, controls], mask[controls], positions[controls.cpu()])

    def profile(self, *, bins: int) -> SpectralProfile:
        """The profile of everything seen so far; `bins` as in `spectrum.intensity`."""
        means = {name: total / self._counts[name] for name, total in self._sums.items()}
        arrays = {name: value for name, value in means.items() if value.dim() == 1}
        for name, fingerprint in means.items():
            if fingerprint.dim() == 2:
                weights = spectrum.two_sided_weights(self._channels if name.startswith("channel/") else TOKEN_GRID)
                arrays |= _measures(name, fingerprint, weights, bins)
        pooled = torch.stack([self._pooled[position] for position in sorted(self._pooled)], dim=1)
        arrays["state/linear_cka"] = linear_cka(pooled)
        facts = {
            "depth": self._depth,
            "channels": self._channels,
            "texts": self._texts,
            "tokens": self._tokens,
            "control_texts": len(self._pooled),
            "bins": bins,
            "clip_sigmas": self._clip_sigmas,
            "token_grid_points": TOKEN_GRID,
            "bands": BANDS,
            "normalisation": "orthonormal, one-sided; averages weigh mirrored bins twice",
            "frequency_unit": {"channel": "cycles per H channels", "token": f"cycles per {TOKEN_GRID} tokens"},
        }
        return SpectralProfile(arrays=arrays, facts=facts)

    def _measure_all(self, quantity: str, states: Tensor, mask: Tensor) -> None:
        """What is measured on every text; states [layers, B, L, H]."""
        tokens = states[:, mask.bool()]
        token_rms = spectrum.rms(tokens)
        scale = _reciprocal(token_rms)
        self._add(f"{quantity}/rms", token_rms.sum(dim=1), tokens.shape[1])
        magnitudes = spectrum.channel_magnitude(tokens)
        self._add(f"channel/{quantity}/raw", magnitudes.sum(dim=1), tokens.shape[1])
        self._add(f"channel/{quantity}/rms", torch.einsum("ltk,lt->lk", magnitudes, scale), tokens.shape[1])
        if quantity == "state":
            self._add_token_axis(f"token/{quantity}/raw", states, mask)
            self._add_token_axis(f"token/{quantity}/rms", states * _reciprocal(spectrum.rms(states))[..., None], mask)

    def _measure_turn(self, states: Tensor, mask: Tensor) -> None:
        cosine = torch.nn.functional.cosine_similarity(states[1:], states[:-1], dim=-1)
        self._add("update/block_influence", ((1 - cosine) * mask).sum(dim=(1, 2)), int(mask.sum()))

    def _measure_controls(self, quantity: str, states: Tensor, mask: Tensor) -> None:
        tokens = states[:, mask.bool()]
        clipped = spectrum.clip_outliers(states, self._clip_sigmas)
        permuted = tokens[..., _permutation(tokens.shape[-1]).to(tokens.device)]
        for variant, values in (("clipped", clipped[:, mask.bool()]), ("permuted", permuted)):
            self._add(f"channel/{quantity}/{variant}", spectrum.channel_magnitude(values).sum(dim=1), tokens.shape[1])
        self._add_token_axis(f"token/{quantity}/clipped", clipped, mask)
        if quantity == "update":
            self._add_token_axis(f"token/{quantity}/raw", states, mask)
            self._add_token_axis(f"token/{quantity}/rms", states * _reciprocal(spectrum.rms(states))[..., None], mask)

    def _add_token_axis(self, name: str, states: Tensor, mask: Tensor) -> None:
        # One layer at a time: its spectra stay in the processor's cache.
        spectra = (spectrum.magnitude(*spectrum.token_spectrum(layer, mask, TOKEN_GRID)) for layer in states)
        sums = torch.stack([magnitudes.sum(dim=(0, 2)) for magnitudes in spectra])
        self._add(name, sums, len(mask) * states.shape[-1])

    def _keep_pooled(self, states: Tensor, mask: Tensor, positions: Tensor) -> None:
        pooled = (states * mask[..., None]).sum(dim=2) / mask.sum(dim=1)[:, None]
        for column, position in enumerate(positions.tolist()):
            self._pooled[position] = pooled[:, column].double().cpu()

    def _add(self, name: str, sums: Tensor, count: int) -> None:
        """Sums over a batch by layer, [layers] or [layers, bins], of `count` tokens or channels of texts."""
        sums = sums.double().cpu()
        self._sums[name] = self._sums[name] + sums if name in self._sums else sums
        self._counts[name] = self._counts.get(name, 0) + count


def _measures(name: str, fingerprint: Tensor, weights: Tensor, bins: int) -> dict[str, Tensor]:
    return {
        f"{name}/fingerprint": fingerprint,
        f"{name}/intensity": spectrum.intensity(fingerprint, weights, bins),
        f"{name}/entropy": spectrum.spectral_entropy(fingerprint, weights),
        f"{name}/band_shares": spectrum.band_shares(fingerprint, weights, BANDS),
    }


def linear_cka(features: Tensor) -> Tensor:
    """Linear CKA between layers: features [layers, texts, H] -> [layers, layers] in [0, 1].

    |Y^T X|^2 / (|X^T X| |Y^T Y|) of centred features (Kornblith et al. 2019, section 3), by way of the texts' Gram
    matrices, which are smaller than the channels' where there are few texts.
    """
    centred = features - features.mean(dim=1, keepdim=True)
    grams = (centred @ centred.transpose(1, 2)).flatten(1)
    norms = grams.norm(dim=1, keepdim=True).clamp(min=torch.finfo(grams.dtype).tiny)
    return (grams / norms) @ (grams / norms).T


def _reciprocal(values: Tensor) -> Tensor:
    return values.clamp(min=torch.finfo(values.dtype).tiny).reciprocal()


def _permutation(channels: int) -> Tensor:
    return torch.randperm(channels, generator=torch.Generator().manual_seed(_PERMUTATION_SEED))
