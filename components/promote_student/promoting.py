"""Publish the student to ship, register it and give it its alias."""

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from components.foundation import registry, storage, tracking
from components.foundation.comparison import LEADERBOARD, REPORT, load_comparison
from components.foundation.errors import UserError
from components.foundation.intents import load_intents
from components.foundation.mlflow_server import is_on
from components.foundation.settings import PublishingOptions
from components.foundation.student import Description

_EXAMPLES = 2
_REQUIREMENTS = ("torch", "transformers", "safetensors")


def promote(
    *,
    comparison: str,
    students: Sequence[str],
    data: str,
    options: PublishingOptions,
    run: tracking.Run,
) -> dict[str, Any]:
    """Publish the verdict's student, register it as a new version under the decided alias: what was done and why.

    Returned: registered_model, version, alias, reason, published (the URI, or empty). A student that is registered
    already keeps its version, and its alias unless it is now to be champion. Where the champion has changed since the
    comparison, a new student becomes challenger. Without MLflow nothing is registered and `version` is 0.
    """
    leaderboard = load_comparison(comparison)
    folder = _folder_of(leaderboard["verdict"]["ship"], students)
    published = _publish(folder, comparison, leaderboard, options)
    _tell(leaderboard, comparison, published)
    outcome = {
        "promotion_model": leaderboard["settings"]["promotion_model"],
        "version": 0,
        "alias": leaderboard["promotion"]["alias"],
        "reason": leaderboard["promotion"]["reason"],
        "published": published,
    }
    return outcome | _register(folder, leaderboard, data, published, run) if is_on() else outcome


def _folder_of(ship: str, students: Sequence[str]) -> Path:
    for path in students:
        if Description(path).candidate.name == ship:
            return Path(path)
    raise UserError(f"student {ship}: not among the {len(students)} students handed over; compare these students again")


def _publish(folder: Path, comparison: str, leaderboard: dict[str, Any], options: PublishingOptions) -> str:
    if not options.promotion_publish_to:
        return ""
    student = {f"student/{file.relative_to(folder)}": file for file in sorted(folder.rglob("*")) if file.is_file()}
    results = {name: Path(comparison) / name for name in (LEADERBOARD, REPORT)}
    return storage.publish({**student, **results}, options.promotion_publish_to, leaderboard["verdict"]["ship"])


def _register(
    folder: Path, leaderboard: dict[str, Any], data: str, published: str, run: tracking.Run
) -> dict[str, Any]:
    """The version, its alias, and the reason."""
    name, decision = leaderboard["settings"]["promotion_model"], leaderboard["promotion"]
    digest = storage.version(str(folder))
    known = registry.registered_version(name, digest)
    champion, before = registry.aliased_version(name, registry.CHAMPION), decision["champion_before"]
    alias, reason = decision["alias"], decision["reason"]
    current = champion and int(champion.version)
    is_outdated = current != (before and before["version"])
    is_promoted = alias == registry.CHAMPION and not is_outdated and known != current
    if known is not None and not is_promoted:
        return {"version": known, "alias": registry.aliases(name, known), "reason": "registered before"}
    if is_outdated:
        alias, reason = registry.CHALLENGER, "the champion changed while this run compared; compare again"
    version = known or registry.register_model(
        name=name,
        folder=folder,
        run=run,
        metadata=_metadata(leaderboard, published),
        description=f"{leaderboard['verdict']['reason']} As {alias}: {reason}.",
        digest=digest,
        example=load_intents(data)["test"]["text"][:_EXAMPLES],
        requirements=_requirements(),
    )
    registry.set_alias(name, alias, version)
    return {"version": version, "alias": alias, "reason": reason}


def _tell(leaderboard: dict[str, Any], comparison: str, published: str) -> None:
    """The headline, where the user looks first in MLflow. A comparison from the cache is told as well."""
    shipped = _shipped(leaderboard)["evaluation"]
    with tracking.parent_run() as run:
        run.metrics(
            {
                "teacher.accuracy": leaderboard["teacher"]["scores"]["accuracy"],
                "student.accuracy": shipped["scores"]["accuracy"],
                "student.retention": shipped["scores"]["retention"],
                "student.speedup": shipped["speed"]["batch_32"]["speedup"],
            }
        )
        run.tags({"spectral_distill.ship": leaderboard["verdict"]["ship"]})
        if published:
            run.tags({"spectral_distill.published": published})
        run.description(leaderboard["verdict"]["reason"])
        for file in (LEADERBOARD, REPORT):
            run.file(f"{comparison}/{file}")


def _shipped(leaderboard: dict[str, Any]) -> dict[str, Any]:
    return next(row for row in leaderboard["rows"] if row["student"] == leaderboard["verdict"]["ship"])


def _requirements() -> list[str]:
    """What serving the student takes, at the versions that made it (without a build's local label such as +cpu)."""
    return [f"{name}=={metadata.version(name).partition('+')[0]}" for name in _REQUIREMENTS]


def _metadata(leaderboard: dict[str, Any], published: str) -> dict[str, Any]:
    return {
        "student": leaderboard["verdict"]["ship"],
        "test_accuracy": _shipped(leaderboard)["evaluation"]["scores"]["accuracy"],
        "teacher_accuracy": leaderboard["teacher"]["scores"]["accuracy"],
        "data_source": leaderboard["data"]["source"],
        "data_version": leaderboard["data"]["version"],
        **{
            f"{name}_{fact}": value
            for name, about in leaderboard["data"]["further_sources"].items()
            for fact, value in about.items()
        },
        "decision": leaderboard["promotion"]["reason"],
        "published": published,
    }
