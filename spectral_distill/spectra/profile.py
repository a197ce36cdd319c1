"""The spectral profile of a model: the spectra of each layer's hidden states, measured on a stream of texts.

Arrays of a profile are named `axis/quantity/variant/measure` (for example `channel/state/raw/intensity`):

    axis      channel | token
    quantity  state: the layer's output X^l, l = 0 (embeddings) .. D; update: X^l - X^(l-1), l = 1 .. D
    variant   raw | rms (each token over its RMS);
              of states also clipped (outlier channels clipped) and, on the channel axis, two more of the same texts:
              permuted (the control: channels in a random but fixed order), sample (raw, to compare them with)
    measure   fingerprint [layers, bins], intensity [layers], entropy [layers], band_shares [layers, bands]

Further arrays are `state/rms` [D + 1] and `update/rms` [D], the mean RMS over tokens; `update/block_influence` [D],
the mean of 1 - cosine between a layer's input and output (ShortGPT, arXiv 2403.03853, equation 1); and
`state/linear_cka` [D + 1, D + 1] between layers' mean-pooled states (Kornblith et al. 2019, arXiv 1905.00414).

A profile must cost little beside the forward passes. The `raw` and `rms` variants of the channel axis, the mean RMS and
the block influence are therefore measured on all texts, but only on every `TOKEN_STRIDE`-th token: of text p, the
tokens t with (p + t) mod stride = 0. All positions in a text are covered, although a short text may contribute no
token. The token axis, `clipped`, `permuted` and `sample` are measured on the first `SAMPLE_TEXTS` texts; linear CKA,
which needs whole Gram matrices, on the first `CKA_TEXTS`.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from spectral_distill.models.precision import full_products, inference_in
from spectral_distill.spectra import transforms as spectrum
from spectral_distill.spectra.profile_facts import ProfileFacts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from spectral_distill.models.text_classifier import TextClassifier

BANDS = 4
TOKEN_GRID = 32
"""Points of the token axis' frequency grid: 17 frequencies from 0 to half a cycle per token."""
TOKEN_STRIDE = 16
SAMPLE_TEXTS = 32
CKA_TEXTS = 256
AHEAD = (SAMPLE_TEXTS, CKA_TEXTS)
"""The first texts are batched separately, because it costs more to measure few texts of many batches."""
_BATCH = 32
_TOKENS_AT_ONCE, _SAMPLE_AT_ONCE = 1024, 16
_PERMUTATION_SEED = 0
_ARRAYS = "profile.safetensors"


@dataclass(frozen=True, kw_only=True)
class SpectralProfile:
    """The spectral profile of a model.

    Attributes:
        arrays: Arrays by name; see the module's docstring.
        facts: What was measured, on which texts, with which settings.
    """

    arrays: dict[str, Tensor]
    facts: ProfileFacts

    @property
    def depth(self) -> int:
        """Number of encoder layers, D."""
        return self.facts.depth

    def layers(self, measure: str) -> Tensor:
        """Return a measure of the D encoder layers only, without the embeddings.

        Args:
            measure: Name of an array.

        Returns:
            The array [D, ...].
        """
        values = self.arrays[measure]
        return values[1:] if len(values) == self.depth + 1 else values

    def plot(self, chosen: Mapping[str, Sequence[int]] | None = None) -> "Figure":
        """Plot spectral intensity over depth.

        Args:
            chosen: Layers to mark, counted from 0, by the name of what chose them.

        Returns:
            The figure.
        """
        from spectral_distill.spectra.plots import intensity_over_depth

        return intensity_over_depth(self, chosen or {})

    def save(self, folder: Path) -> None:
        """Write the arrays and the facts.

        Args:
            folder: Folder of the artifact.
        """
        save_file({name: array.contiguous() for name, array in self.arrays.items()}, folder / _ARRAYS)
        self.facts.save(folder)


def load_profile(folder: str | Path) -> SpectralProfile:
    """Read a spectral profile. Needs no model library.

    Args:
        folder: Folder of the artifact.

    Returns:
        The profile.

    Raises:
        UserError: The facts are missing or have another schema version.
    """
    facts = ProfileFacts.load(folder)
    return SpectralProfile(arrays=load_file(Path(folder) / _ARRAYS), facts=facts)


def profile_classifier(
    classifier: "TextClassifier", texts: Sequence[str], *, bins: int, clip_sigmas: float, what: str = ""
) -> SpectralProfile:
    """Run texts through a model and measure every layer. Memory does not grow with the number of texts.

    Args:
        classifier: The model.
        texts: Texts to measure.
        bins: Number of lowest frequency bins that the intensity is averaged over; 0 means all.
        clip_sigmas: Robust standard deviations at which the `clipped` variant clips outlier channels.
        what: Name of the work in progress reports; empty for no reports.

    Returns:
        The spectral profile.
    """
    from spectral_distill.models.encoder_layers import run_and_show  # reading a profile needs no model library

    meter = SpectralMeter(clip_sigmas=clip_sigmas, token_stride=TOKEN_STRIDE)
    classifier.model.eval()
    with inference_in(classifier.precision):
        for positions, batch in classifier.batches(texts, _BATCH, what, ahead=AHEAD):
            with meter.batch(batch["attention_mask"], torch.from_numpy(positions)) as measure:
                run_and_show(classifier.model, measure, **batch)
    return meter.profile(bins=bins)


class SpectralMeter:
    """Sums of spectra over the real tokens (channel axis) or texts (token axis) of a stream of batches.

    Sums within a batch have the states' precision, at least float32; sums over batches are float64.

    Args:
        clip_sigmas: Robust standard deviations at which the `clipped` variant clips outlier channels.
        token_stride: One in this many tokens is measured on the channel axis.
    """

    def __init__(self, *, clip_sigmas: float, token_stride: int = 1):
        self._clip_sigmas, self._token_stride = clip_sigmas, token_stride
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._pooled: dict[int, Tensor] = {}
        self._waiting: list[list[Tensor]] = []
        self._tokens = self._texts = self._depth = self._channels = 0

    @contextmanager
    def batch(self, mask: Tensor, positions: Tensor) -> Iterator[Callable[[Tensor], None]]:
        """Measure one batch.

        Args:
            mask: Attention mask [B, L].
            positions: Positions of the batch's texts among all texts, [B].

        Yields:
            A function to call with each of the D + 1 states [B, L, H] in turn, embeddings first.
        """
        batch = _Batch(mask, positions.to(mask.device), self._token_stride, self._clip_sigmas)
        yield batch.measure
        self._depth, self._channels = len(batch.tokens) - 1, batch.tokens[0].shape[-1]
        self._texts += len(mask)
        self._tokens += int(mask.sum())
        for sample in batch.samples:
            for name, sums in sample.sums.items():
                self._add(name, torch.stack(sums), sample.count(name, self._channels))
        if batch.pooled:
            pooled = torch.cat(batch.pooled, dim=1).double().cpu()
            self._pooled |= dict(zip(positions[positions < CKA_TEXTS].tolist(), pooled, strict=True))
        self._waiting.append(batch.tokens)  # several batches at once, as small operations are mostly overhead
        if sum(len(tokens[0]) for tokens in self._waiting) >= _TOKENS_AT_ONCE:
            self._measure_channels()

    def profile(self, *, bins: int) -> SpectralProfile:
        """Compute the profile of all batches so far.

        Args:
            bins: Number of lowest frequency bins that the intensity is averaged over; 0 means all.

        Returns:
            The spectral profile.
        """
        self._measure_channels()
        means = {name: total / self._counts[name] for name, total in self._sums.items()}
        arrays = {name: value for name, value in means.items() if value.dim() == 1}
        for name, fingerprint in means.items():
            if fingerprint.dim() == 2:
                weights = spectrum.two_sided_weights(self._channels if name.startswith("channel/") else TOKEN_GRID)
                arrays |= _measures(name, fingerprint, weights, bins)
        pooled = torch.stack([self._pooled[position] for position in sorted(self._pooled)], dim=1)
        arrays["state/linear_cka"] = linear_cka(pooled)
        facts = ProfileFacts(
            depth=self._depth,
            channels=self._channels,
            texts=self._texts,
            tokens=self._tokens,
            token_stride=self._token_stride,
            sample_texts=min(self._texts, SAMPLE_TEXTS),
            cka_texts=len(self._pooled),
            bins=bins,
            clip_sigmas=self._clip_sigmas,
            token_grid_points=TOKEN_GRID,
            bands=BANDS,
            normalisation="orthonormal, one-sided; averages weigh mirrored bins twice",
            frequency_unit={"channel": "cycles per H channels", "token": f"cycles per {TOKEN_GRID} tokens"},
        )
        return SpectralProfile(arrays=arrays, facts=facts)

    def _measure_channels(self) -> None:
        """Measure the waiting tokens, one layer at a time so that its data stay in the processor's cache."""
        count = sum(len(tokens[0]) for tokens in self._waiting)
        if not count:
            return  # MKL cannot transform an empty tensor
        sums: dict[str, list[Tensor]] = defaultdict(list)
        below = None
        with full_products():
            for parts in zip(*self._waiting, strict=True):
                layer = _TokenSpectra.of(spectrum.channel_spectrum(torch.cat(parts)), self._channels)
                layer.add_to(sums, "state")
                if below is not None:
                    update = layer.less(below)
                    update.add_to(sums, "update")
                    sums["update/block_influence"].append(_turns(below.norms, layer.norms, update.norms).sum())
                below = layer
        self._waiting.clear()
        for name, totals in sums.items():
            self._add(name, torch.stack(totals), count)

    def _add(self, name: str, sums: Tensor, count: int) -> None:
        """Add a batch's sums by layer, [layers] or [layers, bins], over `count` tokens or channels of texts."""
        sums = sums.double().cpu()
        self._sums[name] = self._sums[name] + sums if name in self._sums else sums
        self._counts[name] = self._counts.get(name, 0) + count


class _Batch:
    """The parts of a batch's states that are kept. States come one at a time, so that none is kept whole."""

    def __init__(self, mask: Tensor, positions: Tensor, token_stride: int, clip_sigmas: float):
        self.tokens: list[Tensor] = []
        """By layer, the tokens that are measured, [T, H]."""
        self.pooled: list[Tensor] = []
        """By layer, the means of the texts that CKA is measured on, [texts, H]."""
        turn = (positions[:, None] + mask.cumsum(dim=1) - 1) % token_stride == 0
        self._measured = (mask.bool() & turn).flatten().nonzero().flatten()
        sampled = (positions < SAMPLE_TEXTS).nonzero()
        groups = torch.split(sampled, _SAMPLE_AT_ONCE) if len(sampled) else ()
        self.samples = [_Sample(mask, texts, clip_sigmas) for texts in groups]
        self._to_pool = (positions < CKA_TEXTS).nonzero().flatten()
        self._shares = mask[self._to_pool].double() / mask[self._to_pool].sum(dim=1, keepdim=True)

    def measure(self, states: Tensor) -> None:
        self.tokens.append(states.flatten(0, 1).index_select(0, self._measured))
        if not len(self._to_pool):
            return  # then the sample, a part of these texts, is empty too
        with full_products():
            for sample in self.samples:
                sample.measure(states)
            pooled = spectrum.at_least_float32(states.index_select(0, self._to_pool))
            self.pooled.append(self._shares.to(pooled)[:, None] @ pooled)


class _Sample:
    """Sums by name and layer over a few of the first texts, of similar length so that there is little padding."""

    def __init__(self, mask: Tensor, texts: Tensor, clip_sigmas: float):
        """Select the texts with these indices [b, 1] of a batch with this mask [B, L]."""
        self.sums: dict[str, list[Tensor]] = defaultdict(list)
        self._texts, self._tokens = texts, mask[texts.flatten()].any(dim=0).nonzero().flatten()
        self._mask = mask[texts, self._tokens]
        self._clip_sigmas = clip_sigmas
        self._below: Tensor | None = None

    def count(self, name: str, channels: int) -> int:
        """Return the number of tokens, or of channels of texts, in a sum."""
        return int(self._mask.sum()) if name.startswith("channel/") else len(self._mask) * channels

    def measure(self, states: Tensor) -> None:
        states = spectrum.at_least_float32(states[self._texts, self._tokens])
        self._measure_token_axis("state", states)
        self._measure_controls(states)
        if self._below is not None:
            self._measure_token_axis("update", states - self._below)
        self._below = states

    def _measure_token_axis(self, quantity: str, states: Tensor) -> None:
        at_unit_rms = states * _reciprocal(spectrum.rms(states))[..., None]
        for variant, values in (("raw", states), ("rms", at_unit_rms)):
            self.sums[f"token/{quantity}/{variant}"].append(self._token_magnitudes(values))

    def _measure_controls(self, states: Tensor) -> None:
        real = self._mask.bool()
        clipped, tokens = spectrum.clip_outliers(states, self._clip_sigmas), states[real]
        permuted = tokens.index_select(1, _permutation(states.shape[-1]).to(tokens.device))
        for variant, values in (("sample", tokens), ("clipped", clipped[real]), ("permuted", permuted)):
            self.sums[f"channel/state/{variant}"].append(spectrum.channel_magnitude(values).sum(dim=0))
        self.sums["token/state/clipped"].append(self._token_magnitudes(clipped))

    def _token_magnitudes(self, states: Tensor) -> Tensor:
        return spectrum.magnitude(*spectrum.token_spectrum(states, self._mask, TOKEN_GRID)).sum(dim=(0, 2))


@dataclass(frozen=True, kw_only=True)
class _TokenSpectra:
    """One-sided spectra [T, K] of a layer's or an update's tokens, with their magnitudes [T, K] and norms [T].

    The transform is linear, so an update needs no transform of its own. By Parseval's theorem, the norms of the spectra
    are those of the tokens.
    """

    spectra: Tensor
    magnitudes: Tensor
    norms: Tensor
    channels: int

    @classmethod
    def of(cls, spectra: Tensor, channels: int) -> Self:
        power = spectrum.squared_magnitude(*spectrum.parts(spectra))
        norms = (power @ spectrum.two_sided_weights(channels).to(power)).sqrt()
        return cls(spectra=spectra, magnitudes=power.sqrt_(), norms=norms, channels=channels)

    def less(self, other: Self) -> Self:
        return self.of(self.spectra - other.spectra, self.channels)

    def add_to(self, sums: dict[str, list[Tensor]], quantity: str) -> None:
        """Append the sums over tokens, by name."""
        rms = self.norms / math.sqrt(self.channels)
        raw, at_unit_rms = torch.stack([torch.ones_like(rms), _reciprocal(rms)]) @ self.magnitudes
        sums[f"{quantity}/rms"].append(rms.sum())
        sums[f"channel/{quantity}/raw"].append(raw)
        sums[f"channel/{quantity}/rms"].append(at_unit_rms)


def _turns(below: Tensor, above: Tensor, update: Tensor) -> Tensor:
    """Compute 1 - cosine between vectors from their norms and that of their difference, by the law of cosines."""
    return (update.square() - (above - below).square()) * _reciprocal(2 * below * above)


def _measures(name: str, fingerprint: Tensor, weights: Tensor, bins: int) -> dict[str, Tensor]:
    return {
        f"{name}/fingerprint": fingerprint,
        f"{name}/intensity": spectrum.intensity(fingerprint, weights, bins),
        f"{name}/entropy": spectrum.spectral_entropy(fingerprint, weights),
        f"{name}/band_shares": spectrum.band_shares(fingerprint, weights, BANDS),
    }


def linear_cka(features: Tensor) -> Tensor:
    """Compute linear CKA between layers: |Y^T X|^2 / (|X^T X| |Y^T Y|) of centred features, in the Frobenius norm.

    It is computed from the texts' Gram matrices, which are smaller than the channels' if there are few texts.

    Source: Kornblith et al. 2019, section 3 (https://arxiv.org/abs/1905.00414).

    Args:
        features: Features of each layer, [layers, texts, H].

    Returns:
        CKA [layers, layers], from 0 to 1.
    """
    centred = features - features.mean(dim=1, keepdim=True)
    grams = (centred @ centred.transpose(1, 2)).flatten(1)
    norms = grams.norm(dim=1, keepdim=True).clamp(min=torch.finfo(grams.dtype).tiny)
    return (grams / norms) @ (grams / norms).T


def _reciprocal(values: Tensor) -> Tensor:
    return values.clamp(min=torch.finfo(values.dtype).tiny).reciprocal()


def _permutation(channels: int) -> Tensor:
    return torch.randperm(channels, generator=torch.Generator().manual_seed(_PERMUTATION_SEED))
