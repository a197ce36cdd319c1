"""The teacher: a checkpoint fine-tuned on the data, or an already fine-tuned classifier that fits it."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from datasets import DatasetDict
from transformers import set_seed

from spectral_distill.core.errors import UserError
from spectral_distill.core.options import suggest
from spectral_distill.core.settings import TeacherOptions
from spectral_distill.data.dataset import class_names
from spectral_distill.models import checkpoints
from spectral_distill.models.encoder_layers import depth
from spectral_distill.models.linear_probe import output_layer
from spectral_distill.models.precision import Precision, resolve
from spectral_distill.models.text_classifier import TextClassifier, label_names, load_classifier, load_config
from spectral_distill.tracking.pipeline_run import Run
from spectral_distill.training.trainer import Schedule, fit, tokenized


def make_teacher(uri: str, version: str, data: DatasetDict, options: TeacherOptions, run: Run) -> TextClassifier:
    """The teacher for this data, by fine-tuning or import."""
    names, precision = class_names(data), resolve(options.precision)
    with tempfile.TemporaryDirectory() as scratch:
        folder = checkpoints.fetch(uri, version, Path(scratch))
        if not options.teacher_fine_tune:
            return _import(uri, folder, names, options.teacher_max_tokens, precision)
        set_seed(options.teacher_seed)
        teacher = load_classifier(folder, max_tokens=options.teacher_max_tokens, labels=names, precision=precision)
    depth(teacher.model)  # an unknown architecture fails before training
    schedule = Schedule(
        epochs=options.teacher_epochs,
        learning_rate=options.teacher_learning_rate,
        batch_size=options.teacher_batch_size,
        seed=options.teacher_seed,
    )
    fit(
        teacher,
        train=tokenized(teacher, data["train"]),
        validation=tokenized(teacher, data["validation"]),
        schedule=schedule,
        run=run,
        what="fine-tune",
        probe=data["train"],
    )
    return teacher


def with_precision(options: TeacherOptions) -> TeacherOptions:
    """The same options with the format that `precision` stands for on this machine."""
    return options.model_copy(update={"precision": resolve(options.precision)})


def check_labels(uri: str, found: Sequence[str], expected: Sequence[str]) -> None:
    """A teacher must answer exactly the data's labels."""
    if sorted(found) == sorted(expected):
        return
    missing, extra = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    hint = suggest(missing[0], extra) if missing and extra else ""
    raise UserError(
        f"teacher {uri}: its {len(found)} labels differ from the data's {len(expected)}: missing {_few(missing)}, "
        f"extra {_few(extra)}{'; ' + hint if hint else ''}; fine-tune it, or use the data of its training"
    )


def _import(uri: str, folder: Path, names: list[str], max_tokens: int, precision: Precision) -> TextClassifier:
    found = label_names(load_config(folder))
    check_labels(uri, found, names)
    teacher = load_classifier(folder, max_tokens=max_tokens, precision=precision)
    depth(teacher.model)
    return reorder_head(teacher, names)


def reorder_head(teacher: TextClassifier, names: Sequence[str]) -> TextClassifier:
    """The same classifier with its classes in the order of `names`, so that class numbers mean the same everywhere."""
    if teacher.labels == list(names):
        return teacher
    order = [teacher.labels.index(name) for name in names]
    head = output_layer(teacher)
    if head is None:
        raise UserError(
            "teacher: its labels are not in sorted order, and not exactly one linear layer could be its head; "
            "save the teacher with sorted label names"
        )
    with torch.no_grad():
        head.weight.copy_(head.weight[order].clone())
        if head.bias is not None:
            head.bias.copy_(head.bias[order].clone())
    teacher.model.config.id2label = dict(enumerate(names))
    teacher.model.config.label2id = {name: index for index, name in enumerate(names)}
    return teacher


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") if names else "none"
