"""Distillation from captured signals against the online loop of TextBrewer and of SpectralKD's code.

The online loop runs the teacher in every step, on batches drawn at random and padded to their longest text. Both sides
train the same student on the same texts with the same losses, optimizer, precision and number of epochs; ours is the
product's own `distill`, with validation and checkpoints. The capture is counted: once for one candidate, and once for
eight candidates that share it, where the online loop runs eight times.

    python benchmarks/distillation.py [--epochs 10] [--output benchmarks/results]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from datasets import DatasetDict
from distil import capture_for, distil_epoch
from measure import encoder, intents, interleaved, report
from torch.utils.data import DataLoader

from components.distill_student.distilling import build_student
from components.distill_student.losses import complex_spectral, distillation_kl
from components.distill_student.options import StudentOptions
from components.foundation.candidates import Candidate
from components.foundation.precision import fast_bf16
from components.foundation.selection import Selection
from components.foundation.text_model import TextClassifier
from components.foundation.training import collator, tokenized

_TEXTS, _ROUNDS = 1024, 3
_OPTIONS = StudentOptions()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10, help="epochs that each student trains")
    parser.add_argument("--output", default="benchmarks/results")
    arguments = parser.parse_args()
    teacher, data = encoder(12, 768), intents(_TEXTS)
    rows = [
        _compare(teacher, data, layers, alignment, arguments.epochs)
        for layers in ([0, 5, 11], [0, 2, 4, 7, 9, 11])
        for alignment in ("none", "spectral")
    ]
    report("distillation", rows, arguments.output)


def _compare(
    teacher: TextClassifier, data: DatasetDict, layers: list[int], alignment: str, epochs: int
) -> dict[str, object]:
    candidate = Candidate(strategy="manual", layers=len(layers), teacher_layers=layers, alignment=alignment)
    selection = Selection(strategy="manual", depth=12, layers=[[(layer, 1.0)] for layer in layers])
    with tempfile.TemporaryDirectory() as scratch:
        signals = Path(scratch) / "signals"
        captured = _seconds(lambda: capture_for(candidate, selection, teacher, data, signals))
        seconds = interleaved(
            {
                "captured": lambda: distil_epoch(candidate, selection, teacher, data, signals),
                "online": lambda: _online_epoch(teacher, data, selection, candidate),
            },
            _ROUNDS,
        )
    ours, online = statistics.median(seconds["captured"]), statistics.median(seconds["online"])
    each, slow = epochs * ours, epochs * online
    return {
        "student": f"{len(layers)} of 12 x 768",
        "losses": "logits" if alignment == "none" else f"logits + {alignment}",
        "texts": _TEXTS,
        "rounds": _ROUNDS,
        "online, s/epoch": online,
        "captured, s/epoch": ours,
        "capture, s": captured,
        f"online / captured, {epochs} epochs": slow / (captured + each),
        "8 candidates": 8 * slow / (captured + 8 * each),
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _online_epoch(teacher: TextClassifier, data: DatasetDict, selection: Selection, candidate: Candidate) -> None:
    student = build_student(teacher, selection, candidate, {})
    loader = DataLoader(
        tokenized(student, data["train"]),
        batch_size=_OPTIONS.student_batch_size,
        shuffle=True,
        collate_fn=collator(student),
    )
    optimizer = torch.optim.AdamW(student.model.parameters(), lr=_OPTIONS.student_learning_rate, fused=True)
    aligns = candidate.aligns
    student.model.train()
    teacher.model.eval()
    for batch in loader:
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        with torch.autocast("cpu", torch.bfloat16) if fast_bf16() else nullcontext():
            with torch.no_grad():
                wanted = teacher.model(**inputs, output_hidden_states=aligns)
            given = student.model(**inputs, output_hidden_states=aligns)
        logits = given.logits.float()
        loss = candidate.ce_weight * torch.nn.functional.cross_entropy(logits, batch["labels"])
        loss = loss + candidate.kl_weight * distillation_kl(logits, wanted.logits.float(), candidate.temperature)
        if aligns:
            pairs = zip(given.hidden_states[1:], selection.teacher_layers, strict=True)
            losses = [
                complex_spectral(state, wanted.hidden_states[layer + 1], inputs["attention_mask"])
                for state, layer in pairs
            ]
            loss = loss + torch.stack(losses).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


if __name__ == "__main__":
    main()
