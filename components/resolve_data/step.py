"""`resolve_data`: settings of every step at the versions that the sources have now, and whether anything is new."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from components.foundation import checkpoints, storage, tracking
from components.foundation.code_version import code_version
from components.foundation.image import image_in_use
from components.foundation.kfp_page import run_link
from components.foundation.mlflow_runs import pipeline_run
from components.foundation.progress import emit
from components.foundation.settings import (
    ComparisonOptions,
    LatencyOptions,
    PreparationOptions,
    ProfileOptions,
    PromotionOptions,
    PublishingOptions,
    Settings,
    SignalOptions,
    SourceOptions,
    StudentOptions,
    TeacherOptions,
    flat,
)
from components.foundation.step import step
from components.foundation.strategy_names import foreign_code
from components.resolve_data.resolving import check_candidates, data_version, student_checkpoints


class Resolved(NamedTuple):
    """What `resolve_data` hands on: `changed` is yes or no; each step's settings hold the versions that it reads."""

    changed: str
    data_settings: dict[str, Any]
    teacher_settings: dict[str, Any]
    profile_settings: dict[str, Any]
    signals_settings: dict[str, Any]
    student_settings: dict[str, Any]
    latency_settings: dict[str, Any]
    decision_settings: dict[str, Any]


def resolve(parameters: dict[str, Any]) -> Resolved:
    """Refuse a request that cannot work, and look up what it starts from.

    Args:
        parameters: The pipeline's parameters by name, `run_name` and the artifact `summary` among them.

    Returns:
        The settings of every step, and whether an earlier finished run had the same.
    """
    run_name, summary = parameters.pop("run_name"), parameters.pop("summary")
    link = run_link(pipeline_run())
    with step("resolve_data"), tracking.failing_parent(run_name, link):
        settings = Settings(**flat(parameters, lambda line: emit("note", message=line)))
        check_candidates(settings.candidates, settings.teacher)
        if settings.promotion_publish_to:
            storage.check_writable(settings.promotion_publish_to)
        resolved = _at_versions(settings)
        sources = {**settings.of(SourceOptions), "teacher": settings.teacher}
        versions = {**resolved.data_settings["versions"], "teacher": resolved.teacher_settings["version"]}
        digest = _digest(resolved)
        tracking.open_run(run_name, link, sources=sources, versions=versions, digest=digest)
        earlier = None if settings.force else tracking.unchanged_since(digest)
        if earlier is not None:
            tracking.mark_unchanged(earlier)
            emit("unchanged", run=earlier.pipeline_run, name=earlier.name)
            resolved = resolved._replace(changed="no")
        Path(summary.path).write_text(_summary(versions, earlier), encoding="utf-8")
    return resolved


def _at_versions(settings: Settings) -> Resolved:
    versions = {name: data_version(uri) for name, uri in settings.of(SourceOptions).items()}
    students = {uri: checkpoints.version(uri) for uri in student_checkpoints(settings.candidates)}
    return Resolved(
        changed="yes",
        data_settings={**settings.of(SourceOptions, PreparationOptions), "versions": versions},
        teacher_settings={
            "teacher": settings.teacher,
            "version": checkpoints.version(settings.teacher),
            **settings.of(TeacherOptions),
        },
        profile_settings=settings.of(ProfileOptions),
        signals_settings={
            "candidates": settings.candidates,
            "student_versions": students,
            **settings.of(SignalOptions),
        },
        student_settings=settings.of(StudentOptions),
        latency_settings=settings.of(LatencyOptions),
        decision_settings=settings.of(ComparisonOptions, PromotionOptions, PublishingOptions),
    )


def _digest(resolved: Resolved) -> str:
    """One name for all that decides what a run makes: settings, versions, code, strategies of the user's own."""
    strategies = [candidate["strategy"] for candidate in resolved.signals_settings["candidates"]]
    code = [code_version(), foreign_code(strategies), image_in_use()]
    decided_by = {**resolved._asdict(), "code": code}
    return hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()[:16]


def _summary(versions: Mapping[str, str], earlier: tracking.EarlierRun | None) -> str:
    """What the KFP UI shows of this step, in Markdown."""
    found = "\n".join(f"- {name}: `{version}`" for name, version in versions.items() if version)
    if earlier is None:
        return f"# Something is new: the run goes on\n\n{found}\n"
    return (
        f"# Nothing is new: the run ends here\n\nData, teacher, settings and code are those of run "
        f"**{earlier.name}**. Champion and leaderboard stay as they are. Set `force` to run anyway.\n\n{found}\n"
    )
