"""Building a student by its layer mapping, and training it with the teacher signals."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import DatasetDict
from torch import Tensor, nn
from transformers import set_seed

from spectral_distill.core.progress import emit
from spectral_distill.core.settings import StudentOptions
from spectral_distill.data.dataset import NO_LABEL, transfer_set
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.distillation.features import extract
from spectral_distill.distillation.losses import ALIGNMENTS, distillation_kl, linear_schedule
from spectral_distill.distillation.online_teacher import OnlineTeacher
from spectral_distill.distillation.signals import Signals
from spectral_distill.models.encoder_layers import depth, run_with_states, shallow_copy_of
from spectral_distill.models.first_token import run_for_logits
from spectral_distill.models.layer_mapping import LayerMix, evenly_spaced
from spectral_distill.models.precision import full_products
from spectral_distill.models.starting_checkpoint import load_starting_checkpoint
from spectral_distill.models.text_classifier import TextClassifier
from spectral_distill.selection.mapping import Selection
from spectral_distill.tracking.pipeline_run import Run
from spectral_distill.training.trainer import ClassifierTrainer, Schedule, fit, tokenized


def distill(
    *,
    teacher: TextClassifier,
    student: TextClassifier,
    data: DatasetDict,
    signals: str | Path,
    selection: Selection,
    candidate: Candidate,
    options: StudentOptions,
    run: Run,
) -> None:
    """Train the student in place, with the teacher signals on the transfer set.

    On unlabelled texts the student learns the teacher's predictions. A candidate without a teacher trains on the
    labelled texts only.

    Args:
        teacher: The teacher. It runs only if the hidden states that the candidate aligns to are not recorded; its
            weights do not change.
        student: The untrained student, from `build_student`.
        data: The dataset that the signals were recorded on.
        signals: Folder of the `signals` artifact.
        selection: The layer mapping: what each student layer is aligned to.
        candidate: The losses and their schedules.
        options: Epochs, learning rate, batch size and patience.
        run: The MLflow run that gets losses and validation scores.

    Raises:
        UserError: The signals cannot be read, or the loss is not finite.
    """
    texts = transfer_set(data) if candidate.has_teacher else data["train"]
    recorded, validation_signals = Signals(signals, texts["id"]), Signals(signals, data["validation"]["id"])
    online = candidate.aligns and candidate.features not in recorded.features
    if online:
        emit("note", message="the hidden states that it aligns to are not recorded: the teacher runs in every step")
    with without_dropout(student.model) if candidate.has_teacher else nullcontext():
        fit(
            student,
            train=tokenized(student, texts),
            validation=tokenized(student, data["validation"]),
            schedule=Schedule(
                epochs=options.student_epochs,
                learning_rate=options.student_learning_rate,
                batch_size=options.student_batch_size,
                seed=candidate.seed,
                patience=options.student_patience,
                best_by="loss",
            ),
            run=run,
            what="distill",
            probe=data["train"] if candidate.student else None,
            trainer=DistillationTrainer,
            decided_by={
                "objective": candidate.model_dump(exclude={"strategy", "layers", "teacher_layers", "student"}),
                "targets": selection.layers if candidate.aligns else None,
                "online": online,
                "teacher_logits": recorded.logits,
                "teacher_validation_logits": validation_signals.logits,
            },
            candidate=candidate,
            targets=selection.layers,
            signals=recorded,
            validation_signals=validation_signals,
            teacher_states=OnlineTeacher(teacher, texts["text"]) if online else recorded,
        )


@contextmanager
def without_dropout(model: nn.Module) -> Iterator[None]:
    """Train without dropout inside the block.

    The target is the teacher's prediction, which was recorded without dropout. It is enough to keep a student from
    memorising the labels (docs/decisions/0017-no-dropout-under-a-teacher.md).

    Args:
        model: The model. Its dropout rates are restored after the block.

    Yields:
        Nothing.
    """
    shares = {module: module.p for module in model.modules() if isinstance(module, nn.Dropout)}
    for module in shares:
        module.p = 0.0
    try:
        yield
    finally:
        for module, share in shares.items():
            module.p = share


def build_student(
    teacher: TextClassifier, selection: Selection, candidate: Candidate, pinned: dict[str, str]
) -> TextClassifier:
    """Build the untrained student.

    It consists of the teacher's selected layers or, if the candidate names one, of a checkpoint of its own. Such a
    checkpoint keeps its tokenizer and gets a new head. If it has more layers than needed, evenly spaced ones are kept.

    Args:
        teacher: The teacher: source of the layers, or of labels, maximum number of tokens and precision.
        selection: The layer mapping. It initialises a student that takes the teacher's layers.
        candidate: The number of layers, the checkpoint and the seed. The seed is set globally.
        pinned: Pinned version of each checkpoint, by URI.

    Returns:
        The student, on the teacher's device.

    Raises:
        UserError: The checkpoint changed or cannot be read, or the architecture is unknown.
    """
    set_seed(candidate.seed)
    if not candidate.student:
        model = shallow_copy_of(teacher.model, selection.layers).to(teacher.model.device)
        return replace(teacher, model=model)
    whole = load_starting_checkpoint(candidate.student, pinned, teacher)
    kept: list[LayerMix] = [[(layer, 1.0)] for layer in evenly_spaced(depth(whole.model), candidate.layers)]
    model = shallow_copy_of(whole.model, kept).to(teacher.model.device)
    return replace(whole, model=model)


class DistillationTrainer(ClassifierTrainer):
    """Trains with the candidate's loss.

        ce_weight x cross-entropy + kl_weight x KL of the logits + alignment_weight x alignment

    Cross-entropy and KL are means over the texts of the batch; texts without a label add 0 to the cross-entropy. The
    alignment is a mean over the real tokens of the batch.

    Args:
        candidate: Weights, temperatures and the kind of alignment.
        targets: Teacher layers that each student layer is aligned to.
        signals: Recorded signals of the training texts, in the order of the training split.
        validation_signals: Recorded signals of the validation texts, in the order of the validation split.
        teacher_states: Source of the teacher's hidden states: the recorded signals, or the teacher itself.
        **arguments: Arguments of `transformers.Trainer`.
    """

    def __init__(
        self,
        *,
        candidate: Candidate,
        targets: Sequence[LayerMix],
        signals: Signals,
        validation_signals: Signals,
        teacher_states: Signals | OnlineTeacher,
        **arguments: Any,
    ):
        super().__init__(**arguments)
        self._candidate, self._targets = candidate, targets
        self._signals, self._validation_signals = signals, validation_signals
        self._teacher_states = teacher_states

    def batch_loss(self, inputs: dict[str, Tensor], model: Any) -> tuple[Tensor, Any]:
        """Compute the loss of a batch.

        Training uses the whole loss. Validation uses only the terms of the logits, at the initial temperature, so that
        epochs can be compared.

        Args:
            inputs: A batch of `collator`: `input_ids` and `attention_mask` [B, L], `labels` and `index` [B].
            model: The student.

        Returns:
            The loss (a scalar), and the model's outputs.
        """
        wanted, training = self._candidate, model.training
        aligns = wanted.aligns and training
        texts = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        outputs, states = run_with_states(model, **texts) if aligns else (run_for_logits(model, **texts), ())
        loss = self._logit_loss(outputs.logits, inputs, self._signals if training else self._validation_signals)
        if aligns:
            weight = linear_schedule(wanted.alignment_weight, wanted.final_alignment_weight, self._progress)
            with full_products():
                loss = loss + weight * self._alignment(states[1:], inputs)
        return loss, outputs

    def _logit_loss(self, logits: Tensor, inputs: dict[str, Tensor], signals: Signals) -> Tensor:
        wanted = self._candidate
        end = wanted.temperature if signals is self._validation_signals else wanted.final_temperature
        temperature = linear_schedule(wanted.temperature, end, self._progress)
        teacher = signals.logits[inputs["index"].cpu()].to(logits.device)
        labels = inputs["labels"]
        errors = torch.nn.functional.cross_entropy(logits, labels, ignore_index=NO_LABEL, reduction="none")
        return wanted.ce_weight * errors.mean() + wanted.kl_weight * distillation_kl(logits, teacher, temperature)

    @property
    def _progress(self) -> float:
        return self.state.global_step / self.state.max_steps

    def _alignment(self, states: Sequence[Tensor], inputs: dict[str, Tensor]) -> Tensor:
        """Mean over the aligned student layers of the loss against the selection's mix of teacher layers."""
        measure, name = ALIGNMENTS[self._candidate.alignment], self._candidate.features
        aligned = slice(None) if self._candidate.aligned_layers == "all" else slice(-1, None)
        pairs = list(zip(states, self._targets, strict=True))[aligned]
        mine = [extract(name, state, inputs["attention_mask"]) for state, _ in pairs]
        layers = sorted({layer for _, mix in pairs for layer, _ in mix})
        teacher = self._teacher_states.batch(name, layers, inputs["index"].tolist(), mine[0][1])
        losses = [
            measure(features, sum(weight * teacher[layer] for layer, weight in mix), mask)  # type: ignore[arg-type]
            for (features, mask), (_, mix) in zip(mine, pairs, strict=True)
        ]
        return torch.stack(losses).mean()
