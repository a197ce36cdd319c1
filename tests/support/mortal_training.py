"""A tiny training that can be killed at a chosen moment. Alone:
`python -m tests.support.mortal_training WEIGHTS STEPS [MOMENT]`.

It writes the trained weights to the file `weights`, and the number of every step that it does to the file `steps`.
Moments: `step:N` is in the middle of step N, `save:N` inside the N-th file that checkpoints are made of beside weights
and state (settings, optimizer, learning rate, random numbers).
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import BertForSequenceClassification

from spectral_distill.models.text_classifier import TextClassifier
from spectral_distill.tracking.pipeline_run import Run
from spectral_distill.training.trainer import ClassifierTrainer, Schedule, fit, tokenized
from tests.support.dataset import LABELS, intents, split_of
from tests.support.models import tiny_bert_config, tiny_tokenizer
from tests.support.tracking import NO_RUN

STEPS_PER_EPOCH, EPOCHS = 5, 4
SCHEDULE = Schedule(epochs=EPOCHS, learning_rate=3e-3, batch_size=8, seed=1)


def tiny_model(seed: int = 0) -> TextClassifier:
    """With dropout, so that random numbers matter."""
    torch.manual_seed(seed)
    config = tiny_bert_config(id2label=dict(enumerate(LABELS)), num_hidden_layers=2)
    return TextClassifier(model=BertForSequenceClassification(config), tokenizer=tiny_tokenizer())


def train(
    classifier: TextClassifier, trainer: type[ClassifierTrainer] = ClassifierTrainer, run: Run = NO_RUN, **changes: Any
) -> list[dict[str, Any]]:
    """Fit on 40 texts, validate on 24; `changes` replace arguments of `fit`."""
    rows = intents()
    arguments: dict[str, Any] = {
        "train": tokenized(classifier, split_of(rows[:40])),
        "validation": tokenized(classifier, split_of(rows[96:120])),
        "schedule": SCHEDULE, "run": run, "what": "train", "trainer": trainer,
    }  # fmt: skip
    return fit(classifier, **arguments | changes)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Mortal(ClassifierTrainer):
    """Tells its steps, and dies in the chosen one."""

    steps: Path
    last = 0

    def batch_loss(self, inputs: dict[str, torch.Tensor], model: Any) -> tuple[torch.Tensor, Any]:
        if model.training:
            step = self.state.global_step + 1
            with self.steps.open("a") as stream:
                stream.write(f"{step}\n")
            if step == self.last:
                die()
        return super().batch_loss(inputs, model)


def die_in_save(number: int) -> None:
    """Make the N-th `torch.save` the last: its file is begun and never ended."""
    saves = iter(range(1, number + 1))
    save = torch.save

    def mortal_save(value: object, file: str, **options: Any) -> None:
        if next(saves) == number:
            Path(file).write_bytes(b"begun")
            die()
        save(value, file, **options)

    torch.save = mortal_save


def main(weights: str, steps: str, moment: str = "") -> None:
    Mortal.steps = Path(steps)
    kind, _, number = moment.partition(":")
    if kind == "step":
        Mortal.last = int(number)
    if kind == "save":
        die_in_save(int(number))
    classifier = tiny_model()
    history = train(classifier, Mortal)
    save_file(classifier.model.state_dict(), weights)
    Path(weights).with_suffix(".json").write_text(json.dumps(history))


if __name__ == "__main__":
    main(*sys.argv[1:])
