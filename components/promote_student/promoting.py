"""Register the student to ship and give it its alias."""

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from components.foundation import storage, tracking
from components.foundation.comparison import LEADERBOARD, REPORT, load_comparison
from components.foundation.errors import UserError
from components.foundation.intents import load_intents
from components.foundation.student import Description

_EXAMPLES = 2
_REQUIREMENTS = ("torch", "transformers", "safetensors")


def promote(*, comparison: str, students: Sequence[str], data: str, run: tracking.Run) -> dict[str, Any]:
    """Register the verdict's student as a new version under the decided alias; returns name, version, alias, reason.

    A student that is registered already keeps its version and alias. Where the champion has changed since the
    comparison, the student becomes challenger. Without MLflow nothing is registered and `version` is 0.
    """
    leaderboard = load_comparison(comparison)
    ship, decision = leaderboard["verdict"]["ship"], leaderboard["promotion"]
    name = leaderboard["settings"]["registered_model"]
    folder = next((path for path in students if Description(path).candidate.name == ship), None)
    if folder is None:
        raise UserError(
            f"student {ship}: not among the {len(students)} students handed over; compare these students again"
        )
    _tell(leaderboard, comparison, tracking.parent_run())
    outcome = {"registered_model": name, "version": 0, "alias": decision["alias"], "reason": decision["reason"]}
    if not tracking.is_on():
        return outcome
    digest = storage.version(folder)
    known = tracking.registered_version(name, digest)
    if known is not None:
        return {**outcome, "version": known, "alias": tracking.aliases(name, known), "reason": "registered before"}
    champion = tracking.aliased_version(name, tracking.CHAMPION)
    before = decision["champion_before"]
    if (champion and int(champion.version)) != (before and before["version"]):
        outcome |= {
            "alias": tracking.CHALLENGER,
            "reason": "the champion changed while this run compared; compare again",
        }
    version = tracking.register_model(
        name=name,
        folder=Path(folder),
        run=run,
        metadata=_metadata(leaderboard),
        description=f"{leaderboard['verdict']['reason']} As {outcome['alias']}: {outcome['reason']}.",
        digest=digest,
        example=load_intents(data)["test"]["text"][:_EXAMPLES],
        requirements=_requirements(),
    )
    tracking.set_alias(name, str(outcome["alias"]), version)
    return {**outcome, "version": version}


def _tell(leaderboard: dict[str, Any], comparison: str, pipeline_run: tracking.Run) -> None:
    """The headline, where the user looks first in MLflow. A comparison from the cache is told as well."""
    shipped = _shipped(leaderboard)["evaluation"]
    pipeline_run.metrics(
        {
            "teacher.accuracy": leaderboard["teacher"]["scores"]["accuracy"],
            "student.accuracy": shipped["scores"]["accuracy"],
            "student.retention": shipped["scores"]["retention"],
            "student.speedup": shipped["speed"]["batch_32"]["speedup"],
        }
    )
    pipeline_run.tags({"spectral_distill.ship": leaderboard["verdict"]["ship"]})
    pipeline_run.description(leaderboard["verdict"]["reason"])
    for file in (LEADERBOARD, REPORT):
        pipeline_run.file(f"{comparison}/{file}")


def _shipped(leaderboard: dict[str, Any]) -> dict[str, Any]:
    return next(row for row in leaderboard["rows"] if row["student"] == leaderboard["verdict"]["ship"])


def _requirements() -> list[str]:
    """What serving the student takes, at the versions that made it (without a build's local label such as +cpu)."""
    return [f"{name}=={metadata.version(name).partition('+')[0]}" for name in _REQUIREMENTS]


def _metadata(leaderboard: dict[str, Any]) -> dict[str, Any]:
    return {
        "student": leaderboard["verdict"]["ship"],
        "test_accuracy": _shipped(leaderboard)["evaluation"]["scores"]["accuracy"],
        "teacher_accuracy": leaderboard["teacher"]["scores"]["accuracy"],
        "data_source": leaderboard["data"]["source"],
        "data_version": leaderboard["data"]["version"],
        "decision": leaderboard["promotion"]["reason"],
    }
