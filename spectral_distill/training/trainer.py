"""The training loop of teacher and students: `transformers.Trainer` with reports, checks and the training cache."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from datasets import Dataset
from transformers import (
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.trainer import TRAINER_STATE_NAME

from spectral_distill.core.errors import UserError
from spectral_distill.core.options import Options
from spectral_distill.core.progress import Progress, emit
from spectral_distill.models.first_token import run_for_logits
from spectral_distill.models.linear_probe import start_from_probe
from spectral_distill.models.precision import Precision, fast_attention_gradients
from spectral_distill.models.text_classifier import TextClassifier
from spectral_distill.tracking.pipeline_run import Run
from spectral_distill.training.active_embeddings import words_in_use
from spectral_distill.training.cache import Training, digest
from spectral_distill.training.cache_folder import training_folder

_TELL_EVERY_S = 5.0
_NO_PART = ("_name_or_path", "transformers_version", "architectures", "dtype", "use_cache")


class Schedule(Options):
    """How long and how fast to train.

    Attributes:
        epochs: Maximum number of epochs.
        learning_rate: Peak learning rate.
        batch_size: Number of examples in a batch.
        seed: Seed of the training order and of dropout.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    seed: int
    patience: int = 0
    """Stop after this many epochs without a better validation score; 0 never stops."""
    best_by: Literal["accuracy", "loss"] = "accuracy"
    """The validation score that selects the epoch whose weights are kept: the one with the lowest loss, or the latest
    one whose accuracy is within one standard error of the highest."""


def tokenized(classifier: TextClassifier, split: Dataset) -> Dataset:
    """Tokenize a split for training.

    Args:
        classifier: The classifier whose tokenizer to use.
        split: A split with the columns `text` and `label`.

    Returns:
        The columns `input_ids`, `length` (in tokens), `label` and `index`, the example's position in the split.
    """
    token_ids = classifier.tokenize(split["text"])
    return Dataset.from_dict(
        {
            "input_ids": token_ids,
            "length": [len(ids) for ids in token_ids],
            "label": split["label"][:],
            "index": list(range(len(split))),
        }
    )


def collator(classifier: TextClassifier) -> Callable[[list[dict[str, Any]]], Mapping[str, Any]]:
    """Make the function that turns examples of `tokenized` into a batch, padded to its longest text.

    Args:
        classifier: The classifier whose tokenizer to use.

    Returns:
        A function that returns model inputs [B, L], and `labels`, `length` and `index` [B].
    """
    collate: Callable[[list[dict[str, Any]]], Mapping[str, Any]] = DataCollatorWithPadding(classifier.tokenizer)
    return collate


class _OneDevice(TrainingArguments):
    """Arguments for training on one GPU, even if there are several.

    With several, Trainer would wrap the model in `DataParallel` and make the batches larger. Further GPUs train further
    candidates at the same time.
    """

    @property
    def n_gpu(self) -> int:
        """Number of GPUs, at most 1."""
        return min(super().n_gpu, 1)


class ClassifierTrainer(Trainer):
    """Trains with cross-entropy. Subclasses override `batch_loss` for another loss."""

    def batch_loss(self, inputs: dict[str, torch.Tensor], model: Any) -> tuple[torch.Tensor, Any]:
        """Compute the loss of a batch.

        Args:
            inputs: A batch of `collator`: `input_ids` and `attention_mask` [B, L], `labels` [B].
            model: The model.

        Returns:
            The loss (a scalar), and the model's outputs.
        """
        outputs = run_for_logits(model, input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
        return torch.nn.functional.cross_entropy(outputs.logits, inputs["labels"]), outputs

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
        """Compute the loss for Trainer, and check that it is finite.

        Args:
            model: The model.
            inputs: A batch of `collator`.
            return_outputs: Whether to return the logits as well.
            **_: Further arguments of Trainer, not used.

        Returns:
            The loss, or the loss and the logits.

        Raises:
            UserError: The loss is NaN or infinite.
        """
        loss, outputs = self.batch_loss(inputs, model)
        if not torch.isfinite(loss):
            raise UserError(
                f"training: the loss is {loss.item()} at step {self.state.global_step + 1}, learning rate "
                f"{self.args.learning_rate:g}; lower the learning rate or the loss weights"
            )
        return (loss, {"logits": outputs.logits}) if return_outputs else loss

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """Decide whether the present epoch's weights are kept.

        With accuracy as the metric, a later epoch within one standard error of the highest accuracy replaces the best
        one. On a few hundred texts the highest accuracy is often luck, and later epochs have learned more
        (one-standard-error rule, Breiman et al. 1984, section 3.4.3).

        Returns:
            Whether the epoch is the new best.
        """
        is_best: bool = super()._determine_best_metric(metrics, trial)
        best = self.state.best_metric
        if is_best or not self.args.greater_is_better or best is None:
            return is_best
        standard_error = math.sqrt(best * (1 - best) / len(self.eval_dataset))
        if metrics["eval_accuracy"] < best - standard_error:
            return False
        self.state.best_global_step = self.state.global_step
        return True


def fit(
    classifier: TextClassifier,
    *,
    train: Dataset,
    validation: Dataset,
    schedule: Schedule,
    run: Run,
    what: str,
    probe: Dataset | None = None,
    trainer: type[ClassifierTrainer] = ClassifierTrainer,
    decided_by: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> list[dict[str, Any]]:
    """Train the classifier in place, and keep the weights of its best epoch.

    The same seed and data on the same machine give the same weights. Trainings go through the training cache: one that
    was interrupted resumes from its last epoch, and the result of a finished one is loaded (see `cache`).

    Args:
        classifier: The classifier. It is in evaluation mode afterwards.
        train: Training examples, from `tokenized`.
        validation: Validation examples, from `tokenized`.
        schedule: How long and how fast to train.
        run: The MLflow run that gets losses and validation scores.
        what: Name of the work in progress events.
        probe: Labelled texts from which a linear probe is fitted; the new head starts from it. They must be among those
            of `train`. None keeps the head's weights.
        trainer: The trainer class, which defines the loss.
        decided_by: Everything in `arguments` that decides the result, by name: tensors, or values that JSON can hold.
            It becomes part of the cache's key.
        **arguments: Further arguments of the trainer class.

    Returns:
        Trainer's log entries: losses and validation scores, by step.

    Raises:
        UserError: The loss is not finite.
    """
    set_seed(schedule.seed)
    facts = {
        "schedule": schedule.model_dump(),
        "train": train.to_dict(),
        "validation": validation.to_dict(),
        "trainer": trainer.__name__,
        "precision": classifier.precision,
        "probe": probe is not None,
        "model": _configuration(classifier),
        **(decided_by or {}),
    }
    with training_folder(digest(classifier.model.state_dict(), facts)) as folder:
        work = Training(folder)
        if work.is_finished:
            history = _restore(classifier, work, run)
        else:
            if probe is not None and work.latest_checkpoint() is None:
                start_from_probe(classifier, probe)
            padding = [classifier.tokenizer.pad_token_id]
            reporter = _Reporter(what, run)
            with words_in_use(classifier.model, [*train["input_ids"], *validation["input_ids"], padding]), reporter:
                loop = trainer(
                    model=classifier.model,
                    args=_arguments(schedule, classifier.precision, str(work.folder), len(train)),
                    train_dataset=train,
                    eval_dataset=validation,
                    data_collator=collator(classifier),
                    compute_metrics=_accuracy,
                    callbacks=[reporter, *_early_stopping(schedule)],
                    **arguments,
                )
                _train(loop, schedule, work, classifier.precision)
            history = [entry for entry in loop.state.log_history if "step" in entry]
            work.finish(classifier.model.state_dict(), history)
    classifier.model.eval()
    return history


def _configuration(classifier: TextClassifier) -> dict[str, Any]:
    """The model's configuration, such as dropout rates, without what loading, saving and Trainer write into it."""
    configuration: dict[str, Any] = classifier.model.config.to_diff_dict()
    return {name: value for name, value in configuration.items() if name not in _NO_PART}


def _train(loop: Trainer, schedule: Schedule, work: Training, precision: Precision) -> None:
    loop.remove_callback(PrinterCallback)  # the reporter already reports what it prints
    checkpoint = work.latest_checkpoint()
    loop.args.num_train_epochs = _epochs_to_train(schedule, checkpoint)
    with fast_attention_gradients(precision):
        loop.train(resume_from_checkpoint=checkpoint)
    # Accelerate leaves autocast around the model's forward; evaluation needs the plain one.
    loop.accelerator.unwrap_model(loop.model, keep_fp32_wrapper=False)


def _epochs_to_train(schedule: Schedule, checkpoint: str | None) -> int:
    """The schedule's epochs, or the epochs already trained if an interrupted training had used up its patience.

    Otherwise Trainer would train one more.

    Returns:
        The number of epochs.
    """
    if checkpoint is None:
        return schedule.epochs
    state = TrainerState.load_from_json(str(Path(checkpoint) / TRAINER_STATE_NAME))
    stopped = state.stateful_callbacks["TrainerControl"]["args"]["should_training_stop"]
    return round(state.epoch) if stopped else schedule.epochs


def _restore(classifier: TextClassifier, work: Training, run: Run) -> list[dict[str, Any]]:
    """Load a finished training: its weights, and its history for MLflow."""
    emit("note", message="trained before with the same data and settings: taken as it was")
    weights, history = work.result()
    classifier.model.load_state_dict(weights)
    run.curves(_curves(history))
    return history


def _early_stopping(schedule: Schedule) -> list[TrainerCallback]:
    return [EarlyStoppingCallback(schedule.patience)] if schedule.patience else []


def _arguments(schedule: Schedule, precision: Precision, folder: str, examples: int) -> TrainingArguments:
    steps_per_epoch = math.ceil(examples / schedule.batch_size)
    return _OneDevice(
        output_dir=folder,
        num_train_epochs=schedule.epochs,
        learning_rate=schedule.learning_rate,
        per_device_train_batch_size=schedule.batch_size,
        per_device_eval_batch_size=64,
        weight_decay=0.01,
        warmup_steps=max(1, round(0.1 * schedule.epochs * steps_per_epoch)),
        optim="adamw_torch_fused",
        train_sampling_strategy="group_by_length",
        bf16=precision == "bfloat16",
        use_cpu=not torch.cuda.is_available(),
        seed=schedule.seed,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,  # the latest and the best; with 1 Trainer deletes the latest before the result is written
        load_best_model_at_end=True,
        restore_callback_states_from_checkpoint=True,  # for the epochs without improvement so far
        metric_for_best_model=schedule.best_by,
        greater_is_better=schedule.best_by == "accuracy",
        logging_strategy="steps",
        logging_steps=max(1, steps_per_epoch // 10),
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def _accuracy(prediction: Any) -> dict[str, float]:
    return {"accuracy": float((np.argmax(prediction.predictions, axis=1) == prediction.label_ids).mean())}


def _known(logs: Mapping[str, Any]) -> dict[str, float]:
    """Trainer's log entry under its names in MLflow."""
    names = {"loss": "train.loss", "eval_loss": "validation.loss", "eval_accuracy": "validation.accuracy"}
    return {names[key]: value for key, value in logs.items() if key in names}


def _curves(history: Sequence[Mapping[str, Any]]) -> list[tuple[int, dict[str, float]]]:
    return [(entry["step"], _known(entry)) for entry in history]


class _Reporter(TrainerCallback):
    """Reports progress as events, and losses and validation scores to MLflow.

    Several points go into one request, because each request takes time from the training. When the block ends, even by
    an error, MLflow has all points.
    """

    def __init__(self, what: str, run: Run):
        self._what, self._run = what, run
        self._progress: Progress | None = None
        self._latest: dict[str, Any] = {}
        self._untold: list[tuple[int, dict[str, float]]] = []
        self._told_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tell()

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._run.curves(_curves(state.log_history))  # of an interrupted training, perhaps for a new MLflow run

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._progress = self._progress or Progress(self._what, state.max_steps, done=state.global_step - 1)
        self._progress.advance(**self._latest)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        known = _known(logs or {})
        self._latest |= {
            name.replace("validation.", "val_").replace("train.", ""): round(v, 4) for name, v in known.items()
        }
        self._untold.append((state.global_step, known))
        if time.monotonic() - self._told_at >= _TELL_EVERY_S:
            self._tell()

    def _tell(self) -> None:
        self._run.curves(self._untold)
        self._untold, self._told_at = [], time.monotonic()
