"""The teacher: a checkpoint fine-tuned on the data, or an imported classifier with the data's labels."""

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
    """Make the teacher for a dataset, by fine-tuning or by import.

    Args:
        uri: The checkpoint (see `checkpoints` for the forms).
        version: Its pinned version.
        data: The dataset: labelled splits `train` and `validation`.
        options: Whether and how to fine-tune.
        run: The MLflow run that gets losses and validation scores.

    Returns:
        The teacher, with its classes in the order of the dataset's labels.

    Raises:
        UserError: The checkpoint changed or cannot be read, its architecture is unknown, an imported classifier has
            other labels than the data, or the loss is not finite.
    """
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
    """Replace the setting `precision` by the format that it resolves to on this machine.

    Args:
        options: The teacher's settings.

    Returns:
        A copy with the format.
    """
    return options.model_copy(update={"precision": resolve(options.precision)})


def check_labels(uri: str, found: Sequence[str], expected: Sequence[str]) -> None:
    """Check that a teacher has exactly the data's labels, in any order.

    Args:
        uri: The teacher, for the message.
        found: The teacher's labels.
        expected: The data's labels.

    Raises:
        UserError: Labels are missing or extra.
    """
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
    """Reorder the classes of a classifier in place, so that class numbers mean the same everywhere.

    Args:
        teacher: A classifier with these labels in any order.
        names: The labels in the wanted order.

    Returns:
        The same classifier.

    Raises:
        UserError: The order differs, and not exactly one linear layer computes the logits.
    """
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
