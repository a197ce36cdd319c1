"""The spectral profile against bare forward passes, and against the naive way; its memory over the number of texts.

python benchmarks/spectra.py [--models MiniLM BERT-base] [--rounds 3] [--output benchmarks/results]
"""

import argparse
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import MAX_TOKENS, encoder, median_ratio, report, seconds_of, texts
from torch import Tensor

from components.foundation.settings import ProfileOptions
from components.foundation.spectral_profile import profile_classifier
from components.foundation.text_model import TextClassifier

_SHAPES = {"MiniLM": (6, 384), "BERT-base": (12, 768), "RoBERTa-large": (24, 1024)}
_TEXTS = ProfileOptions().profile_examples
_NAIVE_EVERY = 20  # texts: the naive way keeps all activations, and is given every twentieth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=_SHAPES, default=list(_SHAPES), help="of which shapes")
    parser.add_argument("--rounds", type=int, default=3, help="profiles of each model")
    parser.add_argument("--output", default="benchmarks/results")
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        print(_peak_mib(arguments.memory_of))
        return
    report("profile_throughput", [_throughput(name, arguments.rounds) for name in arguments.models], arguments.output)
    report("profile_memory", [_memory(count) for count in (1_000, 10_000, 50_000)], arguments.output)


def _throughput(name: str, rounds: int) -> dict[str, object]:
    classifier, sample = encoder(*_SHAPES[name]), texts(_TEXTS)
    few = sample[::_NAIVE_EVERY]
    forward, profile, naive = zip(*(_round(classifier, sample, few) for _ in range(rounds)), strict=True)
    return {
        "model": f"{name}, {_SHAPES[name][0]} x {_SHAPES[name][1]}",
        "texts": len(sample),
        "rounds": rounds,
        "profile / forward throughput": median_ratio(forward, profile),
        "profile / naive throughput": median_ratio(naive, profile) * len(sample) / len(few),
    }


def _round(classifier: TextClassifier, sample: Sequence[str], few: Sequence[str]) -> tuple[float, float, float]:
    """Seconds of bare forward passes, of the profile, and of the naive way with few of the texts."""
    in_turn = _InTurn(model=classifier.model, tokenizer=classifier.tokenizer)
    whole = seconds_of(lambda: profile_classifier(in_turn, sample, bins=0, clip_sigmas=5.0))
    spent = in_turn.seconds
    profile = whole - spent["forward"] - spent["warm-up"]
    return spent["batches"] + spent["forward"], profile, seconds_of(lambda: _naive(classifier, few))


@dataclass(frozen=True, kw_only=True)
class _InTurn(TextClassifier):
    """Runs the bare model on every batch of a profile, just before it or just after: the same batches at the same
    precision, and what slows the machine down for a second slows both."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Spent on making the batches, which both sides need, on bare forward passes, and on one that warms up."""

    def batches(self, *arguments: Any, **named: Any) -> Iterator[tuple[np.ndarray, dict[str, Tensor]]]:
        made: list[tuple[np.ndarray, dict[str, Tensor]]] = []
        self.seconds["batches"] += seconds_of(lambda: made.extend(super(_InTurn, self).batches(*arguments, **named)))
        self._forward("warm-up", made[0][1])
        for turn, (positions, batch) in enumerate(made):
            if turn % 2:
                self._forward("forward", batch)
                yield positions, batch
            else:
                yield positions, batch
                self._forward("forward", batch)

    def _forward(self, what: str, batch: dict[str, Tensor]) -> None:
        self.seconds[what] += seconds_of(lambda: self.model(**batch))


def _naive(classifier: TextClassifier, sample: Sequence[str]) -> list[Tensor]:
    """Pad every text to the fixed maximum, float32, keep all activations, then transform."""
    classifier.model.eval()
    kept: list[tuple[Tensor, ...]] = []
    with torch.inference_mode():
        for start in range(0, len(sample), 32):
            batch = classifier.tokenizer(
                list(sample[start : start + 32]),
                padding="max_length",
                truncation=True,
                max_length=MAX_TOKENS,
                return_tensors="pt",
            )
            kept.append(classifier.model(**batch, output_hidden_states=True).hidden_states)
        layers = [torch.cat([states[layer] for states in kept]) for layer in range(len(kept[0]))]
        return [torch.fft.fft(states, norm="ortho").abs().mean(dim=(0, 1)) for states in layers]


def _memory(count: int) -> dict[str, object]:
    """Peak memory in a process of its own."""
    command = [sys.executable, __file__, "--memory-of", str(count)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {"texts": count, "peak MiB": float(printed.splitlines()[-1])}


def _peak_mib(count: int) -> float:
    """Of this process alone: getrusage's figure starts at the peak of the process that started it."""
    profile_classifier(encoder(2, 64), texts(count), bins=0, clip_sigmas=5.0)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    main()
