"""Run a study: teacher, profile and signals once, then every student that the table does not have yet."""

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import DatasetDict
from sklearn.metrics import f1_score

from components.capture_signals.capturing import capture
from components.capture_signals.options import SignalOptions
from components.distill_student.distilling import build_student, distill
from components.distill_student.options import StudentOptions
from components.foundation import checkpoints
from components.foundation.candidates import Candidate
from components.foundation.intents import load_intents, sample_texts
from components.foundation.layer_stack import depth
from components.foundation.selection import Selection
from components.foundation.signals import Signals
from components.foundation.spectral_profile import SpectralProfile, profile_classifier
from components.foundation.step import step
from components.foundation.text_model import TextClassifier
from components.foundation.tracking import Run
from components.prepare_data.options import PreparationOptions
from components.prepare_data.preparing import prepare
from components.resolve_data.resolving import data_version
from components.select_layers.strategies import select
from components.train_teacher.options import TeacherOptions
from components.train_teacher.teaching import make_teacher
from pipeline.settings import Settings
from pipeline.study.frozen import frozen_answers
from pipeline.study.plan import Plan
from pipeline.study.table import FROZEN, TEACHER, Row, append_row, pack, read_rows
from pipeline.workspace import Workspace

_NO_RUN = Run(None)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What all students of a study share."""

    data: DatasetDict
    teacher: TextClassifier
    teacher_answers: np.ndarray
    profile: SpectralProfile
    selections: dict[str, Selection]


def run_study(plan: Plan, table: Path, workspace: Workspace) -> tuple[list[Row], SpectralProfile]:
    """Train what is missing and append each result to `table`; returns the study's rows and the teacher's profile."""
    settings = plan.common_settings()
    study = _digest(settings)
    with _stage(plan, settings, workspace) as (stage, candidates, signals):
        done = {row.key for row in read_rows(table, study)}
        if (study, TEACHER, 0) not in done:
            append_row(table, _row(study, TEACHER, 0, stage, stage.teacher_answers, settings.teacher_epochs))
        if plan.frozen_anchor and (study, FROZEN, 0) not in done:
            append_row(table, _row(study, FROZEN, 0, stage, frozen_answers(settings, stage.data)))
        for candidate in candidates:
            if (study, candidate.configuration, candidate.seed) not in done:
                append_row(table, _train(candidate, stage, signals, settings, study))
        return read_rows(table, study), stage.profile


@contextmanager
def _stage(plan: Plan, settings: Settings, workspace: Workspace) -> Iterator[tuple[Stage, list[Candidate], Path]]:
    with tempfile.TemporaryDirectory(dir=workspace.root) as scratch:
        with step("prepare_data"):
            data = _prepared(settings, Path(scratch) / "prepared")
        with step("train_teacher"):
            teacher = make_teacher(
                settings.teacher, checkpoints.version(settings.teacher), data, _part(TeacherOptions, settings), _NO_RUN
            )
            answers = _answers(teacher, data)
        with step("profile_teacher"):
            profile = profile_classifier(
                teacher,
                sample_texts(data, settings.profile_texts),
                bins=settings.profile_bins,
                clip_sigmas=settings.profile_clip_sigmas,
                what="profile",
            )
        candidates = plan.students(depth(teacher.model))
        selections = {candidate.name: select(profile, candidate) for candidate in candidates}
        signals = Path(scratch) / "signals"
        with step("capture_signals"):
            capture(
                teacher=teacher,
                data=data,
                candidates=candidates,
                selections=selections,
                options=_part(SignalOptions, settings),
                checkpoints={c.student: checkpoints.version(c.student) for c in candidates if c.student},
                target=signals,
            )
        stage = Stage(data=data, teacher=teacher, teacher_answers=answers, profile=profile, selections=selections)
        yield stage, candidates, signals


def _prepared(settings: Settings, target: Path) -> DatasetDict:
    prepare(
        data=settings.data,
        data_version=data_version(settings.data),
        out_of_scope_data=settings.out_of_scope_data,
        out_of_scope_version=data_version(settings.out_of_scope_data),
        options=_part(PreparationOptions, settings),
        target=target,
    )
    return load_intents(target)


def _train(candidate: Candidate, stage: Stage, signals: Path, settings: Settings, study: str) -> Row:
    started = time.monotonic()
    selection = stage.selections[candidate.name]
    with step("distill_student", detail=candidate.name):
        recorded = Signals(signals, stage.data["train"]["id"])
        student = build_student(stage.teacher, selection, candidate, recorded.facts["checkpoints"])
        distill(
            teacher=stage.teacher,
            student=student,
            data=stage.data,
            signals=recorded,
            validation_signals=Signals(signals, stage.data["validation"]["id"]),
            selection=selection,
            candidate=candidate,
            options=_part(StudentOptions, settings),
            run=_NO_RUN,
        )
        answers = _answers(student, stage.data)
    return _row(
        study,
        candidate.configuration,
        candidate.seed,
        stage,
        answers,
        settings.student_epochs,
        layers=[mix[0][0] for mix in selection.layers] if all(len(mix) == 1 for mix in selection.layers) else (),
        seconds=time.monotonic() - started,
    )


def _answers(classifier: TextClassifier, data: DatasetDict) -> np.ndarray:
    """The class that the classifier gives each test text."""
    return classifier.logits(data["test"]["text"], what="evaluate").argmax(axis=1)


def _row(
    study: str,
    configuration: str,
    seed: int,
    stage: Stage,
    answers: np.ndarray,
    epochs: int = 0,
    layers: Sequence[int] = (),
    seconds: float = 0.0,
) -> Row:
    labels = np.array(stage.data["test"]["label"])
    return Row(
        study=study,
        configuration=configuration,
        seed=seed,
        teacher_layers=" ".join(map(str, layers)),
        accuracy=round(float((answers == labels).mean()), 6),
        macro_f1=round(float(f1_score(labels, answers, average="macro", zero_division=0)), 6),
        agreement=round(float((answers == stage.teacher_answers).mean()), 6),
        epochs=epochs,
        seconds=round(seconds, 1),
        texts=len(labels),
        correct=pack(answers == labels),
    )


def _part(options: type[Any], settings: Settings) -> Any:
    """The settings of one step."""
    values = settings.model_dump()
    return options(**{name: values[name] for name in options.model_fields})


def _digest(settings: Settings) -> str:
    """Names the settings, data and teacher that all rows share; where the data lies plays no part."""
    shared: dict[str, Any] = settings.model_dump(exclude={"data", "out_of_scope_data", "candidates"})
    shared |= {
        "data": data_version(settings.data),
        "teacher": checkpoints.version(settings.teacher),
    }
    return hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()[:12]
