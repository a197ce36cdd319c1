"""A student, built through its selection and taught by the teacher's signals."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import DatasetDict
from torch import Tensor
from transformers import PreTrainedModel, set_seed

from components.distill_student.losses import ALIGNMENTS, distillation_kl
from components.distill_student.options import StudentOptions
from components.foundation.candidates import Candidate
from components.foundation.intents import load_intents
from components.foundation.layer_stack import shallow_copy_of
from components.foundation.progress import emit
from components.foundation.selection import Selection, load_selection
from components.foundation.signals import Signals
from components.foundation.storage import whole_folder
from components.foundation.student import write_description
from components.foundation.text_model import TextClassifier, load_classifier
from components.foundation.tracking import Run
from components.foundation.training import ClassifierTrainer, Schedule, fit, tokenized


def distill(
    *,
    teacher: TextClassifier,
    data: DatasetDict,
    signals: Signals,
    selection: Selection,
    candidate: Candidate,
    options: StudentOptions,
    run: Run,
) -> TextClassifier:
    """Build the candidate's student and train it; the teacher is left as it was."""
    set_seed(candidate.seed)
    model = shallow_copy_of(teacher.model, selection.layers).to(teacher.model.device)
    student = TextClassifier(model=model, tokenizer=teacher.tokenizer)
    schedule = Schedule(
        epochs=options.student_epochs,
        learning_rate=options.student_learning_rate,
        batch_size=options.student_batch_size,
        seed=candidate.seed,
    )
    online = candidate.alignment != "none" and not signals.has_hidden
    if online:
        emit("note", message="no recorded hidden states: the teacher runs in every training step")
    fit(
        student,
        train=tokenized(student, data["train"]),
        validation=tokenized(student, data["validation"]),
        schedule=schedule,
        run=run,
        what="distill",
        trainer=DistillationTrainer,
        candidate=candidate,
        selection=selection,
        signals=signals,
        online_teacher=teacher.model if online else None,
    )
    return student


class DistillationTrainer(ClassifierTrainer):
    """ce_weight x cross-entropy + kl_weight x logit KL + alignment_weight x alignment, by the candidate."""

    def __init__(
        self,
        *,
        candidate: Candidate,
        selection: Selection,
        signals: Signals,
        online_teacher: PreTrainedModel | None,
        **arguments: Any,
    ):
        super().__init__(**arguments)
        self._candidate, self._selection, self._signals = candidate, selection, signals
        self._online_teacher = online_teacher.eval() if online_teacher is not None else None

    def batch_loss(self, inputs: dict[str, Tensor], model: Any) -> tuple[Tensor, Any]:
        if not model.training:  # validation measures the task alone
            return super().batch_loss(inputs, model)
        wanted = self._candidate
        aligned = wanted.alignment != "none"
        mask = inputs["attention_mask"]
        outputs = model(input_ids=inputs["input_ids"], attention_mask=mask, output_hidden_states=aligned)
        teacher_logits = self._signals.logits[inputs["index"].cpu()].to(outputs.logits.device)
        loss = wanted.ce_weight * torch.nn.functional.cross_entropy(outputs.logits, inputs["labels"])
        loss = loss + wanted.kl_weight * distillation_kl(outputs.logits, teacher_logits, wanted.temperature)
        if aligned:
            loss = loss + wanted.alignment_weight * self._alignment(outputs.hidden_states[1:], inputs)
        return loss, outputs

    def _alignment(self, states: tuple[Tensor, ...], inputs: dict[str, Tensor]) -> Tensor:
        """Mean over the student's layers of the loss against the selection's mix of teacher layers."""
        measure, mask = ALIGNMENTS[self._candidate.alignment], inputs["attention_mask"]
        teacher = self._teacher_states(inputs)
        losses = [
            measure(state, sum(weight * teacher[layer] for layer, weight in mix), mask)  # type: ignore[arg-type]
            for state, mix in zip(states, self._selection.layers, strict=True)
        ]
        return torch.stack(losses).mean()

    def _teacher_states(self, inputs: dict[str, Tensor]) -> dict[int, Tensor]:
        """Teacher hidden states [B, L, H'] of the layers that the selection names, by layer."""
        needed = sorted({layer for mix in self._selection.layers for layer, _ in mix})
        if self._online_teacher is not None:
            with torch.no_grad():
                outputs = self._online_teacher(
                    input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], output_hidden_states=True
                )
            return {layer: outputs.hidden_states[layer + 1] for layer in needed}
        recorded = [self._signals.hidden(int(index)) for index in inputs["index"]]
        padded = np.zeros(
            (len(recorded), len(needed), *inputs["input_ids"].shape[1:], recorded[0].shape[-1]), np.float32
        )
        real = inputs["attention_mask"].bool().cpu().numpy()
        for row, states in enumerate(recorded):
            padded[row][:, real[row]] = states[needed]
        tensor = torch.from_numpy(padded).to(inputs["input_ids"].device)
        return {layer: tensor[:, position] for position, layer in enumerate(needed)}


def distill_and_save(
    *,
    data: str,
    teacher: str,
    signals: str,
    selection: str,
    candidate: Candidate,
    options: StudentOptions,
    target: str | Path,
    run: Run,
) -> None:
    """From artifacts on disk to a student on disk."""
    splits, chosen = load_intents(data), load_selection(selection)
    run.parameters({**candidate.model_dump(), **options.model_dump(), "chosen_teacher_layers": chosen.teacher_layers})
    student = distill(
        teacher=load_classifier(teacher),
        data=splits,
        signals=Signals(signals, splits["train"]["id"]),
        selection=chosen,
        candidate=candidate,
        options=options,
        run=run,
    )
    about = {"candidate": candidate.model_dump(), "settings": options.model_dump()}
    with whole_folder(target) as folder:
        student.save(folder)
        write_description(about, folder)
