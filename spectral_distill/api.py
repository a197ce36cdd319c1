"""The public functions of the library, as a notebook uses them; see `spectral_distill`."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import Dataset, DatasetDict

from spectral_distill.comparison.artifact import Comparison
from spectral_distill.comparison.comparing import compare_evaluations, shipped_predictions
from spectral_distill.comparison.report import render_report
from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import (
    ComparisonOptions,
    LatencyOptions,
    PreparationOptions,
    ProfileOptions,
    PromotionOptions,
    SignalOptions,
    StudentOptions,
    TeacherOptions,
)
from spectral_distill.data.card import Cleaning, DataCard
from spectral_distill.data.dataset import class_names, load_intents, sample_texts
from spectral_distill.data.preparing import describe_split, prepare
from spectral_distill.data.sources import data_version
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.distillation.capturing import capture
from spectral_distill.distillation.distilling import build_student
from spectral_distill.distillation.distilling import distill as _distill
from spectral_distill.distillation.student import StudentDescription
from spectral_distill.evaluation.artifact import Evaluation, TeacherEvaluation, TeacherSettings
from spectral_distill.evaluation.evaluating import Reference, evaluate_student
from spectral_distill.evaluation.scores import answer, score
from spectral_distill.models import checkpoints
from spectral_distill.models.encoder_layers import depth
from spectral_distill.models.layer_mapping import evenly_spaced
from spectral_distill.models.starting_checkpoint import load_starting_checkpoint
from spectral_distill.models.text_classifier import TextClassifier
from spectral_distill.models.text_classifier import load_classifier as _load_folder
from spectral_distill.selection.mapping import Selection
from spectral_distill.selection.strategies import select
from spectral_distill.spectra.profile import SpectralProfile, profile_classifier
from spectral_distill.storage.uris import write_whole
from spectral_distill.tracking.logging import Run
from spectral_distill.training.fine_tuning import make_teacher

_UNTRACKED = Run(None)


@dataclass(frozen=True, kw_only=True)
class Student(TextClassifier):
    """A trained student, and how it was made."""

    description: StudentDescription

    def save(self, folder: Path) -> None:
        """Write `save_pretrained` files and the description."""
        super().save(folder)
        self.description.save(folder)


@dataclass(frozen=True)
class Compared:
    """Students compared on the same test texts.

    Attributes:
        comparison: The leaderboard and the decision, as the pipeline's artifact has them.
        profile: The teacher's spectral profile.
        predictions: The predictions of the student to ship.
    """

    comparison: Comparison
    profile: SpectralProfile
    predictions: pd.DataFrame

    @property
    def leaderboard(self) -> pd.DataFrame:
        """A row for each configuration, best first."""
        return pd.DataFrame(
            {
                "student": row.student,
                "accuracy": row.accuracy,
                "difference": row.versus_teacher.difference,
                "retention": row.evaluation.scores.retention,
                "agreement": row.evaluation.scores.agreement,
                "speedup": row.evaluation.speed.batch_32.speedup,
                "megabytes": row.evaluation.size.bytes / 1e6,
            }
            for row in self.comparison.rows
        )

    @property
    def decision(self) -> str:
        """Which student to ship and why, in a sentence."""
        return self.comparison.verdict.reason

    def report(self, path: str | Path) -> Path:
        """Write the report as one HTML file; returns its path."""
        write_whole(path, render_report(self.comparison, self.profile, self.predictions))
        return Path(path)


def load_dataset(
    source: str | Path,
    *,
    text_column: str = "text",
    label_column: str = "label",
    out_of_scope: str | Path = "",
    unlabelled: str | Path = "",
    **options: Any,
) -> DatasetDict:
    """Read, clean, de-duplicate and split labelled texts.

    Args:
        source: A csv, jsonl or parquet file, a folder with train, validation and test files, `s3://bucket/key`,
            `hf://owner/name`, or `demo:bike-share`.
        text_column: Name of the column with the texts.
        label_column: Name of the column with the labels.
        out_of_scope: Optional source of texts that belong to no class.
        unlabelled: Optional source of texts without labels, for students to learn the teacher's predictions on.
        **options: Further settings of the data, with or without their prefix `data_`: `validation_share`,
            `test_share`, `split_seed`, `examples_per_label`, `augmented_copies`.

    Returns:
        Splits `train`, `validation` and `test` with columns `id`, `text` and `label` (a `ClassLabel`), and
        `out_of_scope` and `unlabelled` where there are such texts.

    Raises:
        UserError: Where a source cannot be read or used, or an option is unknown or out of bounds.
    """
    named = {name if name.startswith("data_") else f"data_{name}": value for name, value in options.items()}
    settings = PreparationOptions(data_text_column=text_column, data_label_column=label_column, **named)
    uris = [str(uri) for uri in (source, out_of_scope, unlabelled)]
    with tempfile.TemporaryDirectory() as scratch:
        prepare(
            data=uris[0],
            data_version=data_version(uris[0]),
            out_of_scope_data=uris[1],
            out_of_scope_version=data_version(uris[1]),
            unlabelled_data=uris[2],
            unlabelled_version=data_version(uris[2]),
            options=settings,
            target=scratch,
        )
        on_disk = load_intents(scratch)
        return DatasetDict(
            {name: Dataset.from_dict(split.to_dict(), features=split.features) for name, split in on_disk.items()}
        )


def fine_tune(
    checkpoint: str | Path,
    data: DatasetDict,
    *,
    epochs: int = 8,
    learning_rate: float = 1e-4,
    batch_size: int = 32,
    max_tokens: int = 64,
    seed: int = 0,
) -> TextClassifier:
    """Fine-tune a checkpoint on the training split; the validation split chooses the epoch.

    Args:
        checkpoint: A folder made by `save_pretrained`, a hub id, `s3://`, `models:/`, `runs:/`, or `demo:minilm`.
        data: As `load_dataset` returns it.
        epochs: Epochs over the training split.
        learning_rate: Peak learning rate. Large encoders want 2e-5 to 5e-5.
        batch_size: Texts in a training step.
        max_tokens: Maximum sequence length in tokens.
        seed: Seed of the new head, the training order and dropout.

    Returns:
        The teacher.

    Raises:
        UserError: Where the checkpoint cannot be loaded, or an argument is out of bounds.
    """
    options = TeacherOptions(
        teacher_epochs=epochs,
        teacher_learning_rate=learning_rate,
        teacher_batch_size=batch_size,
        teacher_max_tokens=max_tokens,
        teacher_seed=seed,
    )
    uri = str(checkpoint)
    return make_teacher(uri, checkpoints.version(uri), data, options, _UNTRACKED)


def load_classifier(checkpoint: str | Path, *, max_tokens: int | None = None) -> TextClassifier:
    """Load a fine-tuned classifier.

    Args:
        checkpoint: As for `fine_tune`. Safetensors only; no code of the checkpoint runs.
        max_tokens: Maximum sequence length in tokens; the tokenizer's own by default.

    Returns:
        The classifier; a `Student` where the folder says how it was made.

    Raises:
        UserError: Where there is no such checkpoint, or it has no classification head.
    """
    uri = str(checkpoint)
    with tempfile.TemporaryDirectory() as scratch:
        folder = checkpoints.fetch(uri, checkpoints.version(uri), Path(scratch))
        found = _load_folder(folder, max_tokens=max_tokens)
        if not (folder / StudentDescription.FILE).is_file():
            return found
        return _student(found, StudentDescription.load(folder))


def profile(model: TextClassifier, texts: Sequence[str], *, bins: int = 0, clip_sigmas: float = 5.0) -> SpectralProfile:
    """Measure the spectrum of every layer's hidden states.

    Args:
        model: Any classifier: a teacher, a student, an encoder that is not fine-tuned yet.
        texts: N texts; 2,000 are enough for most teachers.
        bins: Lowest frequency bins that the intensity is averaged over; 0 uses all.
        clip_sigmas: Outlier channels are clipped at this many robust standard deviations.

    Returns:
        Fingerprints [layers, bins], intensities [layers] and more, by name; see `SpectralProfile`.

    Raises:
        UserError: Where there are no texts.
    """
    if not len(texts):
        raise UserError("texts: found none, expected at least one; give training texts")
    return profile_classifier(model, list(texts), bins=bins, clip_sigmas=clip_sigmas, what="profile")


def select_layers(
    profile: SpectralProfile,
    strategy: str = "spectral_coverage",
    layers: int = 3,
    *,
    teacher_layers: Sequence[int] | None = None,
    seed: int = 0,
) -> Selection:
    """Choose by a strategy which teacher layers a student gets.

    Args:
        profile: The teacher's.
        strategy: Name of a strategy (see the guide to strategies), or `package.module:function`.
        layers: Encoder layers of the student.
        teacher_layers: For the strategy `manual`: the teacher layers, counted from 0.
        seed: Of the strategy `random`.

    Returns:
        The layer mapping: for each student layer, teacher layers and their weights.

    Raises:
        UserError: Where the strategy is unknown, or asks for more layers than the teacher has.
    """
    chosen = None if teacher_layers is None else list(teacher_layers)
    return select(profile, Candidate(strategy=strategy, layers=layers, teacher_layers=chosen, seed=seed))


def distill(
    teacher: TextClassifier,
    data: DatasetDict,
    mapping: Selection | None = None,
    *,
    student: str | Path = "",
    epochs: int = 10,
    learning_rate: float = 1e-4,
    batch_size: int = 32,
    patience: int = 0,
    signals_budget_gib: float = 4.0,
    **candidate: Any,
) -> Student:
    """Build a student and train it on the teacher's signals.

    Args:
        teacher: A fine-tuned classifier. It is left as it was.
        data: As `load_dataset` returns it; the labels must be the teacher's.
        mapping: Which teacher layers the student starts from and is aligned to. Needed unless `student` is given.
        student: A checkpoint that the student starts from instead, with its own width and tokenizer.
        epochs: Epochs over training and unlabelled texts.
        learning_rate: Peak learning rate.
        batch_size: Texts in a training step.
        patience: Epochs without a better validation loss after which training stops; 0 trains them all.
        signals_budget_gib: Maximum size of the cached hidden states in GiB.
        **candidate: Further fields of a candidate: `seed`, `ce_weight`, `kl_weight`, `temperature`, `alignment`, …

    Returns:
        The trained student; its `description` says how it was made.

    Raises:
        UserError: Where neither mapping nor student is given, labels differ, or an argument is out of bounds.
    """
    _check_labels("teacher", teacher, data)
    pinned = {str(student): checkpoints.version(str(student))} if student else {}
    wanted, mapping = _candidate(teacher, mapping, str(student), pinned, candidate)
    options = StudentOptions(
        student_epochs=epochs,
        student_learning_rate=learning_rate,
        student_batch_size=batch_size,
        student_patience=patience,
    )
    with tempfile.TemporaryDirectory() as scratch:
        signals = Path(scratch) / "signals"
        facts = capture(
            teacher=teacher,
            data=data,
            candidates=[wanted],
            selections={wanted.name: mapping},
            options=SignalOptions(signals_budget_gib=signals_budget_gib),
            checkpoints=pinned,
            target=signals,
        )
        made = build_student(teacher, mapping, wanted, pinned)
        _distill(
            teacher=teacher,
            student=made,
            data=data,
            signals=signals,
            selection=mapping,
            candidate=wanted,
            options=options,
            run=_UNTRACKED,
        )
    description = StudentDescription(candidate=wanted, selection=mapping, settings=options, signals=facts)
    return _student(made, description)


def evaluate(
    student: Student,
    teacher: TextClassifier,
    data: DatasetDict,
    *,
    profile: SpectralProfile | None = None,
    latency_batches: int = 40,
) -> Evaluation:
    """Measure a student against its teacher on the test split.

    Args:
        student: As `distill` returns it.
        teacher: Its teacher.
        data: The dataset of both.
        profile: The teacher's, if it was measured already; measured on 2,000 training texts otherwise.
        latency_batches: Batches that are timed for teacher and student, of 32 texts and of one.

    Returns:
        Scores, size, latency and spectral fidelity.

    Raises:
        UserError: Where the student does not say how it was made, or labels differ.
    """
    _check_student("student", student, data)
    reference = _reference(teacher, data, profile)
    options = LatencyOptions(latency_batches=latency_batches)
    return evaluate_student(student, student.description, reference, data, options, _bytes(student))[0]


def compare(
    students: Sequence[Student],
    teacher: TextClassifier,
    data: DatasetDict,
    *,
    profile: SpectralProfile | None = None,
    confidence: float = 0.95,
    latency_batches: int = 40,
) -> Compared:
    """Evaluate students on the same texts, rank them, and name the one to ship.

    Args:
        students: As `distill` returns them; those that differ in the seed alone count as one configuration.
        teacher: Their teacher.
        data: The dataset of all.
        profile: The teacher's, if it was measured already.
        confidence: Confidence of intervals; 1 - confidence is the level of tests.
        latency_batches: As for `evaluate`.

    Returns:
        The leaderboard, the decision and the report.

    Raises:
        UserError: Where there is no student, two are the same candidate, one does not say how it was made, or labels
            differ.
    """
    for index, student in enumerate(students):
        _check_student(f"students[{index}]", student, data)
    names = [student.description.candidate.name for student in students]
    if not students or len(set(names)) < len(names):
        raise UserError(f"students: found {names}, expected at least one and each once; give another seed or mapping")
    reference, options = _reference(teacher, data, profile), LatencyOptions(latency_batches=latency_batches)
    measured = [
        evaluate_student(student, student.description, reference, data, options, _bytes(student))
        for student in students
    ]
    imported = TeacherSettings(
        teacher="in memory", teacher_version="", teacher_fine_tune=False, teacher_max_tokens=teacher.max_tokens
    )
    comparison = compare_evaluations(
        measured,
        (TeacherEvaluation(scores=reference.scores, settings=imported), reference.predictions),
        _card(data),
        reference.profile.facts,
        None,
        ComparisonOptions(comparison_confidence=confidence),
        PromotionOptions(),
    )
    return Compared(comparison, reference.profile, shipped_predictions(comparison, measured))


def _reference(teacher: TextClassifier, data: DatasetDict, spectra: SpectralProfile | None) -> Reference:
    _check_labels("teacher", teacher, data)
    predictions = answer(teacher, data, "evaluate")
    return Reference(
        classifier=teacher,
        predictions=predictions,
        scores=score(predictions),
        profile=spectra or profile(teacher, sample_texts(data, ProfileOptions().profile_examples)),
        bytes=_bytes(teacher),
    )


def _student(classifier: TextClassifier, description: StudentDescription) -> Student:
    return Student(
        model=classifier.model,
        tokenizer=classifier.tokenizer,
        precision=classifier.precision,
        description=description,
    )


def _check_labels(what: str, classifier: TextClassifier, data: DatasetDict) -> None:
    """`UserError` where class numbers of classifier and data do not mean the same."""
    names = class_names(data)
    if classifier.labels != names:
        raise UserError(
            f"{what}: found {len(classifier.labels)} labels that are not the data's {len(names)}, expected the same in "
            "the same order; fine-tune it on this data"
        )


def _check_student(what: str, student: TextClassifier, data: DatasetDict) -> None:
    if not isinstance(student, Student):
        raise UserError(f"{what}: found a {type(student).__name__}, expected a Student; give what `distill` returns")
    _check_labels(what, student, data)


def _bytes(classifier: TextClassifier) -> int:
    """Size of the weights in memory; a file has a few kilobytes more."""
    return sum(tensor.nbytes for tensor in classifier.model.state_dict().values())


def _card(data: DatasetDict) -> DataCard:
    """What can be said of a dataset in memory."""
    names = class_names(data)
    return DataCard(
        source="in memory",
        version="",
        further_sources={},
        labels=names,
        splits={name: describe_split(split, names) for name, split in data.items()},
        cleaning=Cleaning(rows_read={name: len(split) for name, split in data.items()}),
        settings=PreparationOptions(),
    )


def _candidate(
    teacher: TextClassifier, mapping: Selection | None, student: str, pinned: dict[str, str], fields: dict[str, Any]
) -> tuple[Candidate, Selection]:
    """The candidate that these arguments describe, and its layer mapping."""
    if mapping is None and not student:
        raise UserError("mapping: found none; give one of `select_layers`, or a checkpoint as `student`")
    if mapping is None:
        layers = depth(load_starting_checkpoint(student, pinned, teacher).model)
        whole = depth(teacher.model)
        chosen = evenly_spaced(whole, layers)
        mapping = Selection(strategy="uniform", depth=whole, layers=[[(layer, 1.0)] for layer in chosen])
    manual = mapping.teacher_layers if mapping.strategy == "manual" else None
    described = Candidate(
        strategy=mapping.strategy, layers=len(mapping.layers), teacher_layers=manual, student=student, **fields
    )
    return described, mapping
