"""The spectral profile against bare forward passes, and against the naive way; its memory over the number of texts.

python benchmarks/spectra.py [--models MiniLM BERT-base] [--output benchmarks/results]
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from measure import MAX_TOKENS, encoder, interleaved, median_ratio, report, texts

from components.foundation.precision import fast_inference
from components.foundation.spectral_profile import AHEAD, profile_classifier
from components.foundation.text_model import TextClassifier
from components.profile_teacher.options import ProfileOptions

_ROUNDS = 3
_SHAPES = {"MiniLM": (6, 384), "BERT-base": (12, 768), "RoBERTa-large": (24, 1024)}
_TEXTS = ProfileOptions().profile_texts
_NAIVE_EVERY = 20  # texts: the naive way keeps all activations, and is given every twentieth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=_SHAPES, default=list(_SHAPES), help="of which shapes")
    parser.add_argument("--output", default="benchmarks/results")
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        print(_peak_mib(arguments.memory_of))
        return
    report("profile_throughput", [_throughput(name) for name in arguments.models], arguments.output)
    report("profile_memory", [_memory(count) for count in (1_000, 10_000, 50_000)], arguments.output)


def _throughput(name: str) -> dict[str, object]:
    classifier, sample = encoder(*_SHAPES[name]), texts(_TEXTS)
    few = sample[::_NAIVE_EVERY]
    seconds = interleaved(
        {
            "forward": lambda: _forward(classifier, sample),
            "profile": lambda: profile_classifier(classifier, sample, bins=0, clip_sigmas=5.0),
            "naive": lambda: _naive(classifier, few),
        },
        _ROUNDS,
    )
    return {
        "model": f"{name}, {_SHAPES[name][0]} x {_SHAPES[name][1]}",
        "texts": len(sample),
        "rounds": _ROUNDS,
        "profile / forward throughput": median_ratio(seconds["forward"], seconds["profile"]),
        "profile / naive throughput": median_ratio(seconds["naive"], seconds["profile"]) * len(sample) / len(few),
    }


def _forward(classifier: TextClassifier, sample: Sequence[str]) -> None:
    """The same batches at the same precision, and nothing else."""
    classifier.model.eval()
    with fast_inference():
        for _, batch in classifier.batches(sample, 32, ahead=AHEAD):
            classifier.model(**batch)


def _naive(classifier: TextClassifier, sample: Sequence[str]) -> list[torch.Tensor]:
    """Pad every text to the fixed maximum, float32, keep all activations, then transform."""
    classifier.model.eval()
    kept: list[tuple[torch.Tensor, ...]] = []
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
