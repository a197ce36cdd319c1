"""Run a study: teacher, profile and signals, then every student that the table lacks."""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import DatasetDict
from filelock import FileLock, Timeout
from sklearn.metrics import f1_score

from spectral_distill.core.errors import UserError
from spectral_distill.core.progress import reported
from spectral_distill.core.settings import PreparationOptions, RunOptions, SignalOptions, StudentOptions, TeacherOptions
from spectral_distill.data.dataset import load_intents, sample_texts
from spectral_distill.data.preparing import prepare
from spectral_distill.data.sources import data_version
from spectral_distill.distillation.candidates import Candidate
from spectral_distill.distillation.capturing import capture
from spectral_distill.distillation.distilling import build_student, distill
from spectral_distill.distillation.signals_facts import SignalsFacts
from spectral_distill.models import checkpoints
from spectral_distill.models.checkpoints import readable_depth
from spectral_distill.models.encoder_layers import depth
from spectral_distill.models.text_classifier import TextClassifier
from spectral_distill.run_settings import RENAMED, Settings
from spectral_distill.selection.mapping import Selection
from spectral_distill.selection.strategies import select
from spectral_distill.spectra.profile import SpectralProfile, profile_classifier
from spectral_distill.storage.uris import check_writable
from spectral_distill.study.frozen import frozen_answers
from spectral_distill.study.plan import Plan
from spectral_distill.study.table import FROZEN, TEACHER, Key, Row, append_row, pack, read_rows
from spectral_distill.tracking.pipeline_run import Run
from spectral_distill.training.fine_tuning import make_teacher

_NO_RUN = Run(None)
_SOURCES = ("data", "data_out_of_scope", "data_unlabelled")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What all students of a study share.

    Attributes:
        data: The prepared dataset.
        teacher: The fine-tuned teacher.
        teacher_answers: Its predicted classes of the test texts, int [texts].
        profile: Its spectral profile.
        signals: Folder of its cached signals.
    """

    data: DatasetDict
    teacher: TextClassifier
    teacher_answers: np.ndarray
    profile: SpectralProfile
    signals: Path


def run_study(plan: Plan, table: Path, workspace: Path) -> tuple[list[Row], SpectralProfile]:
    """Train the students that the table lacks, and append each result.

    Args:
        plan: The study's plan.
        table: CSV file of the results.
        workspace: Folder for scratch files.

    Returns:
        The plan's rows, and the teacher's profile.

    Raises:
        UserError: The table is damaged or belongs to another teacher, or another process runs this study in the
            workspace.
    """
    settings = plan.common_settings()
    plan.students(readable_depth(settings.teacher))  # fails early for an invalid plan
    study = _digest(settings)
    with _scratch(workspace, study) as scratch:
        data = _prepared(settings, scratch / "prepared")
        check_writable(str(table.parent))
        done = {row.key: row for row in read_rows(table, study)}
        teacher, answers = _taught(settings, data)
        _check_teacher(done.get((study, TEACHER, 0)), answers == np.array(data["test"]["label"]), table)
        profile = _profiled(settings, teacher, data)
        students = {(study, one.configuration, one.seed): one for one in plan.students(depth(teacher.model))}
        for key, candidate in students.items():
            _check_layers(done.get(key), select(profile, candidate), table)
        missing = {key: candidate for key, candidate in students.items() if key not in done}
        signals = scratch / "signals"
        stage = Stage(data=data, teacher=teacher, teacher_answers=answers, profile=profile, signals=signals)
        _capture(stage, list(students.values()) if missing else [], settings)
        anchors = [(study, TEACHER, 0), *([(study, FROZEN, 0)] if plan.frozen_anchor else [])]
        for key in anchors:
            if key not in done:
                append_row(table, _anchor(key, stage, settings))
        for key, candidate in missing.items():
            append_row(table, _train(key, candidate, stage, settings))
        return [row for row in read_rows(table, study) if row.key in {*anchors, *students}], profile


@contextmanager
def _scratch(workspace: Path, study: str) -> Iterator[Path]:
    """Provide a scratch folder of this study for one process at a time; remove the remains of a killed one."""
    folder = workspace / f"study-{study}"
    try:
        alone = FileLock(f"{folder}.lock").acquire(blocking=False)
    except Timeout:
        raise UserError(
            f"workspace {workspace}: another process runs a study with these settings there; "
            "wait for it, or choose another --workspace"
        ) from None
    with alone:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def _prepared(settings: Settings, target: Path) -> DatasetDict:
    with reported("prepare_data"):
        prepare(
            data=settings.data,
            data_version=data_version(settings.data),
            out_of_scope_data=settings.data_out_of_scope,
            out_of_scope_version=data_version(settings.data_out_of_scope),
            unlabelled_data=settings.data_unlabelled,
            unlabelled_version=data_version(settings.data_unlabelled),
            options=PreparationOptions(**settings.of(PreparationOptions)),
            target=target,
        )
        return load_intents(target)


def _taught(settings: Settings, data: DatasetDict) -> tuple[TextClassifier, np.ndarray]:
    """Fine-tune the teacher and predict the test texts."""
    with reported("train_teacher"):
        version = checkpoints.version(settings.teacher)
        teacher = make_teacher(settings.teacher, version, data, TeacherOptions(**settings.of(TeacherOptions)), _NO_RUN)
        return teacher, _answers(teacher, data)


def _check_teacher(known: Row | None, correct: np.ndarray, table: Path) -> None:
    """Check that the retrained teacher predicts as the table's, because students are compared with it text by text."""
    if known is not None and not np.array_equal(known.hits, correct):
        raise UserError(
            f"table {table}: its teacher and the one trained now differ on {int((known.hits != correct).sum())} of "
            f"{len(correct)} test texts, as after a change of code or processor; choose another --output"
        )


def _check_layers(known: Row | None, selection: Selection, table: Path) -> None:
    """Check that a strategy still selects the row's layers: a user's own strategy may have been edited."""
    chosen = _kept(selection)
    if known is not None and known.teacher_layers != chosen:
        raise UserError(
            f"table {table}: {known.configuration} has the teacher's layers {known.teacher_layers or 'mixed'}, but its "
            f"strategy selects {chosen or 'mixed'} now (another strategy or profile); choose another --output"
        )


def _profiled(settings: Settings, teacher: TextClassifier, data: DatasetDict) -> SpectralProfile:
    with reported("profile_teacher"):
        return profile_classifier(
            teacher,
            sample_texts(data, settings.profile_examples),
            bins=settings.profile_bins,
            clip_sigmas=settings.profile_clip_sigmas,
            what="profile",
        )


def _capture(stage: Stage, candidates: Sequence[Candidate], settings: Settings) -> None:
    """Cache the teacher's signals for these students, if there are any."""
    if not candidates:
        return
    with reported("capture_signals"):
        capture(
            teacher=stage.teacher,
            data=stage.data,
            candidates=candidates,
            selections={candidate.name: select(stage.profile, candidate) for candidate in candidates},
            options=SignalOptions(**settings.of(SignalOptions)),
            checkpoints={c.student: checkpoints.version(c.student) for c in candidates if c.student},
            target=stage.signals,
        )


def _anchor(key: Key, stage: Stage, settings: Settings) -> Row:
    if key[1] == TEACHER:
        return _row(key, stage, stage.teacher_answers, epochs=settings.teacher_epochs)
    return _row(key, stage, frozen_answers(settings, stage.data, stage.teacher.precision))


def _train(key: Key, candidate: Candidate, stage: Stage, settings: Settings) -> Row:
    started = time.monotonic()
    selection = select(stage.profile, candidate)
    with reported("distill_student", detail=candidate.name):
        student = build_student(stage.teacher, selection, candidate, SignalsFacts.load(stage.signals).checkpoints)
        distill(
            teacher=stage.teacher,
            student=student,
            data=stage.data,
            signals=stage.signals,
            selection=selection,
            candidate=candidate,
            options=StudentOptions(**settings.of(StudentOptions)),
            run=_NO_RUN,
        )
        answers = _answers(student, stage.data)
    return _row(
        key,
        stage,
        answers,
        epochs=settings.student_epochs,
        layers=_kept(selection),
        seconds=time.monotonic() - started,
    )


def _kept(selection: Selection) -> str:
    """Write the layers as a row holds them; an empty text if they are mixed."""
    is_mixed = any(len(mix) > 1 for mix in selection.layers)
    return "" if is_mixed else " ".join(str(layer) for ((layer, _),) in selection.layers)


def _answers(classifier: TextClassifier, data: DatasetDict) -> np.ndarray:
    """Predict the classes of the test texts."""
    return classifier.logits(data["test"]["text"], what="evaluate").argmax(axis=1)


def _row(
    key: Key,
    stage: Stage,
    answers: np.ndarray,
    *,
    epochs: int = 0,
    layers: str = "",
    seconds: float = 0.0,
) -> Row:
    study, configuration, seed = key
    labels = np.array(stage.data["test"]["label"])
    return Row(
        study=study,
        configuration=configuration,
        seed=seed,
        teacher_layers=layers,
        accuracy=round(float((answers == labels).mean()), 6),
        macro_f1=round(float(f1_score(labels, answers, average="macro", zero_division=0)), 6),
        agreement=round(float((answers == stage.teacher_answers).mean()), 6),
        epochs=epochs,
        seconds=round(seconds, 1),
        texts=len(labels),
        correct=pack(answers == labels),
    )


def _digest(settings: Settings) -> str:
    """Digest the settings, data and teacher that all rows share; the location of the data does not count."""
    named_before = {new: old for old, new in RENAMED.items()}  # names of 0.1, so that older rows are found again
    values = settings.model_dump(exclude={*_SOURCES, *RunOptions.model_fields, "candidates"})
    if settings.precision == "auto":  # so were the rows made that are older than the setting
        del values["precision"]
    shared: dict[str, Any] = {named_before.get(name, name): value for name, value in values.items()}
    shared |= {"data": data_version(settings.data), "teacher": checkpoints.version(settings.teacher)}
    if settings.data_unlabelled:  # out-of-scope texts then decide which unlabelled ones are kept
        given = {name: getattr(settings, name) for name in ("data_unlabelled", "data_out_of_scope")}
        shared |= {named_before[name]: data_version(uri) for name, uri in given.items() if uri}
    return hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()[:12]
