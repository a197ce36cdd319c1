"""What measuring every so-manyth token costs in exactness: intensities and choices of layers, against all tokens.

python benchmarks/token_stride.py --data train.csv [--column text] [--model FOLDER] [--draws 3]

Each draw is another sample of the texts, as many as a profile takes.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from measure import LABELS, MAX_TOKENS, report
from torch import Tensor

from spectral_distill.core.settings import ProfileOptions
from spectral_distill.distillation.candidates import parse_candidate
from spectral_distill.models import demo_checkpoint as minilm
from spectral_distill.models.precision import inference_in
from spectral_distill.models.text_classifier import TextClassifier, load_classifier
from spectral_distill.selection.layer_scores import SCORES
from spectral_distill.selection.strategies import select
from spectral_distill.spectra.profile import AHEAD, SpectralMeter, SpectralProfile

_STRIDES = (8, 16)
_OPTIONS = ProfileOptions()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a CSV file")
    parser.add_argument("--column", default="text", help="its column of texts")
    parser.add_argument("--model", type=Path, default=minilm.folder(), help="a checkpoint, otherwise MiniLM")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--output", default="benchmarks/results")
    arguments = parser.parse_args()
    classifier = load_classifier(arguments.model, max_tokens=MAX_TOKENS, labels=LABELS)
    known = pd.read_csv(arguments.data)[arguments.column]
    draws = [
        _profiles(classifier, known.sample(_OPTIONS.profile_examples, random_state=draw).tolist())
        for draw in range(arguments.draws)
    ]
    pairs = {f"every {stride}th": [(draw[stride], draw[1]) for draw in draws] for stride in _STRIDES}
    pairs["all, of other texts"] = [(draw[1], draws[0][1]) for draw in draws[1:]]
    report("token_stride", [_row(tokens, compared) for tokens, compared in pairs.items()], arguments.output)


def _profiles(classifier: TextClassifier, texts: Sequence[str]) -> dict[int, SpectralProfile]:
    """By stride, all of one pass."""
    meters = {
        stride: SpectralMeter(clip_sigmas=_OPTIONS.profile_clip_sigmas, token_stride=stride)
        for stride in (1, *_STRIDES)
    }
    classifier.model.eval()
    with inference_in(classifier.precision):
        for positions, batch in classifier.batches(texts, 32, ahead=AHEAD):
            states = classifier.model(**batch, output_hidden_states=True).hidden_states
            for meter in meters.values():
                with meter.batch(batch["attention_mask"], torch.from_numpy(positions)) as measure:
                    for state in states:
                        measure(state)
    return {stride: meter.profile(bins=_OPTIONS.profile_bins) for stride, meter in meters.items()}


def _row(tokens: str, compared: Sequence[tuple[SpectralProfile, SpectralProfile]]) -> dict[str, object]:
    same = [mine == theirs for pair in compared for mine, theirs in zip(*map(_choices, pair), strict=True)]
    off = max(float((_intensities(mine) / _intensities(theirs) - 1).abs().max()) for mine, theirs in compared)
    return {
        "tokens": tokens,
        "profiles": len(compared),
        "intensity off by at most, %": 100 * off,
        "same choice": f"{sum(same)} of {len(same)}",
    }


def _intensities(profile: SpectralProfile) -> Tensor:
    """Of states and updates, each over their mean: what ranks layers."""
    both = (profile.layers(f"channel/{quantity}/raw/intensity") for quantity in ("state", "update"))
    return torch.cat([values / values.mean() for values in both])


def _choices(profile: SpectralProfile) -> list[list[int]]:
    """What every strategy that ranks by a score chooses: from two layers to half of them."""
    depths = range(2, profile.depth // 2 + 1)
    candidates = [parse_candidate({"strategy": strategy, "layers": depth}) for strategy in SCORES for depth in depths]
    return [select(profile, candidate).teacher_layers for candidate in candidates]


if __name__ == "__main__":
    main()
