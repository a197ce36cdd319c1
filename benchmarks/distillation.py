"""Distillation from captured signals against the online loop of TextBrewer and of SpectralKD's code.

The online loop runs the teacher in every step, on batches drawn at random; after an epoch it validates the student
and saves it, as TextBrewer's trainer does. It is run twice: on batches padded to their longest text, and on batches
padded to the longest text allowed, as TextBrewer's own examples for texts pad theirs. All sides train the same student
on the same texts with the same losses, optimizer, precision and number of epochs, and without dropout; ours is the
product's own `distill`, from the building of the student to its finished training, which could be resumed after either
epoch.

The ratios are those of trainings of ten epochs: five times the seconds of a training of two, and the capture: one
candidate's own, or that of eight candidates with layers of their own, counted once for all. The trainings read from the
latter.

    python benchmarks/distillation.py [--rounds 3] [--output benchmarks/results]
"""

import argparse
import itertools
import random
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, DatasetDict
from distil import candidate_of, capture_for, distil
from measure import MAX_TOKENS, encoder, intents, interleaved, report, seconds_of
from torch import Tensor
from torch.utils.data import DataLoader

from spectral_distill.core.settings import StudentOptions
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.distillation.distilling import build_student, without_dropout
from spectral_distill.distillation.losses import complex_spectral, distillation_kl
from spectral_distill.models.precision import fast_attention_gradients, products_in
from spectral_distill.models.text_classifier import TextClassifier
from spectral_distill.selection.mapping import Selection
from spectral_distill.training.trainer import collator, tokenized

_TEXTS, _CANDIDATES, _EPOCHS, _TIMED_EPOCHS = 2048, 8, 10, 2
_OPTIONS = StudentOptions()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="trainings of each side")
    parser.add_argument("--output", default="benchmarks/results")
    arguments = parser.parse_args()
    teacher, data = encoder(12, 768), intents(_TEXTS)
    rows = [
        _compare(teacher, data, layers, alignment, arguments.rounds)
        for layers in ([0, 5, 11], [0, 2, 4, 7, 9, 11])
        for alignment in ("none", "spectral")
    ]
    report("distillation", rows, arguments.output)


def _compare(
    teacher: TextClassifier, data: DatasetDict, layers: Sequence[int], alignment: str, rounds: int
) -> dict[str, object]:
    candidates = [candidate_of(each, alignment) for each in (layers, *_other_choices(len(layers)))]
    candidate, selection = candidates[0]
    with tempfile.TemporaryDirectory() as scratch:
        own, shared = Path(scratch) / "own", Path(scratch) / "shared"
        captured = seconds_of(lambda: capture_for(candidates[:1], teacher, data, own))
        captured_for_all = seconds_of(lambda: capture_for(candidates, teacher, data, shared))
        seconds = interleaved(
            {
                "captured": lambda: distil(candidate, selection, teacher, data, shared, epochs=_TIMED_EPOCHS),
                "online": lambda: _online(teacher, data, selection, candidate, Path(scratch) / "student"),
                "padded": lambda: _online(teacher, data, selection, candidate, Path(scratch) / "student", padded=True),
            },
            rounds,
        )
    ours, *online = (statistics.median(seconds[side]) / _TIMED_EPOCHS for side in ("captured", "online", "padded"))
    each, (slow, slow_padded) = _EPOCHS * ours, (_EPOCHS * epoch for epoch in online)
    one, all_of_them = captured + each, captured_for_all + _CANDIDATES * each
    return {
        "student": f"{len(layers)} of 12 x 768",
        "losses": "logits" if alignment == "none" else f"logits + {alignment}",
        "texts": _TEXTS,
        "rounds": rounds,
        "online, s/epoch": online[0],
        f"padded to {MAX_TOKENS}, s/epoch": online[1],
        "captured, s/epoch": ours,
        "capture, s": captured,
        "online / captured": slow / one,
        "padded / captured": slow_padded / one,
        f"capture for {_CANDIDATES}, s": captured_for_all,
        f"{_CANDIDATES} candidates": _CANDIDATES * slow / all_of_them,
        f"{_CANDIDATES} candidates, padded": _CANDIDATES * slow_padded / all_of_them,
    }


def _other_choices(count: int) -> list[tuple[int, ...]]:
    """As many ways to keep that many of twelve layers as make up the candidates."""
    return random.Random(0).sample(list(itertools.combinations(range(12), count)), _CANDIDATES - 1)


def _online(
    teacher: TextClassifier,
    data: DatasetDict,
    selection: Selection,
    candidate: Candidate,
    folder: Path,
    *,
    padded: bool = False,
) -> None:
    student = build_student(teacher, selection, candidate, {})
    optimizer = torch.optim.AdamW(student.model.parameters(), lr=_OPTIONS.student_learning_rate, fused=True)
    training = _loader(student, data["train"], _OPTIONS.student_batch_size, shuffle=True, padded=padded)
    validation = _loader(student, data["validation"], 64, shuffle=False, padded=padded)
    teacher.model.eval()
    with without_dropout(student.model), fast_attention_gradients(student.precision):
        for _ in range(_TIMED_EPOCHS):
            student.model.train()
            for batch in training:
                with products_in(student.precision):
                    with torch.no_grad():
                        wanted = _outputs(teacher, batch, candidate)
                    given = _outputs(student, batch, candidate)
                _loss(given, wanted, batch, selection, candidate).backward()
                optimizer.step()
                optimizer.zero_grad()
            student.model.eval()
            with torch.no_grad(), products_in(student.precision):
                for batch in validation:
                    _outputs(student, batch, candidate)
            student.save(folder)


def _loader(
    student: TextClassifier, split: Dataset, batch_size: int, *, shuffle: bool, padded: bool
) -> DataLoader[Any]:
    collate = collator(student)
    return DataLoader(
        tokenized(student, split),
        batch_size=batch_size,
        shuffle=shuffle,
        collate_fn=(lambda examples: _padded(collate(examples), student)) if padded else collate,
    )


def _padded(batch: dict[str, Tensor], student: TextClassifier) -> dict[str, Tensor]:
    fill = {"input_ids": student.tokenizer.pad_token_id, "attention_mask": 0}
    missing = MAX_TOKENS - batch["input_ids"].shape[1]
    return batch | {
        name: torch.nn.functional.pad(batch[name], (0, missing), value=value) for name, value in fill.items()
    }


def _outputs(classifier: TextClassifier, batch: dict[str, Tensor], candidate: Candidate) -> Any:
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    return classifier.model(**inputs, output_hidden_states=candidate.aligns)


def _loss(given: Any, wanted: Any, batch: dict[str, Tensor], selection: Selection, candidate: Candidate) -> Tensor:
    logits = given.logits.float()
    loss = candidate.ce_weight * torch.nn.functional.cross_entropy(logits, batch["labels"])
    loss = loss + candidate.kl_weight * distillation_kl(logits, wanted.logits.float(), candidate.temperature)
    if not candidate.aligns:
        return loss
    pairs = zip(given.hidden_states[1:], selection.teacher_layers, strict=True)
    losses = [
        complex_spectral(state, wanted.hidden_states[layer + 1], batch["attention_mask"]) for state, layer in pairs
    ]
    return loss + torch.stack(losses).mean()


if __name__ == "__main__":
    main()
