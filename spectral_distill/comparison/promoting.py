"""Publish the student to ship, register it, and set its alias."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path

from spectral_distill.comparison.artifact import REPORT, Comparison
from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import PublishingOptions
from spectral_distill.data.dataset import load_intents
from spectral_distill.distillation.student import StudentDescription
from spectral_distill.storage import uris as storage
from spectral_distill.tracking import pipeline_run as tracking
from spectral_distill.tracking import registry
from spectral_distill.tracking.server import is_on

_EXAMPLES = 2
_REQUIREMENTS = ("torch", "transformers", "safetensors")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Result of a promotion.

    Attributes:
        registered_model: Name in the registry.
        version: Version of the registered model; 0 if nothing is registered.
        alias: `champion` or `challenger`; for a student that was registered before, the aliases that it has.
        reason: Why it has this alias.
        published: URI of the published folder; empty if there is none.
    """

    registered_model: str
    version: int
    alias: str
    reason: str
    published: str


def promote(
    *,
    comparison: str,
    students: Sequence[str],
    data: str,
    options: PublishingOptions,
    run: tracking.Run,
) -> Outcome:
    """Publish the verdict's student and register it as a new version under the decided alias.

    A student that is already registered keeps its version. It keeps its alias too, unless it now becomes champion. If
    the champion has changed since the comparison, a new student becomes challenger, because it was not compared with
    the new champion. Without MLflow nothing is registered.

    The parent run in MLflow is complete afterwards: it has the report, the decision, and a nested run with the metrics
    of the teacher and of each student, even if their tasks came from the cache.

    Args:
        comparison: Folder of the `comparison` artifact.
        students: Folders of the students, the one to ship among them.
        data: Folder of the `data` artifact; test texts become the registered model's input example.
        options: Where to publish to.
        run: MLflow run that logs the model.

    Returns:
        What was published and registered, and why.

    Raises:
        UserError: The student to ship is not among `students`, an artifact cannot be read, the target cannot be
            written, or MLflow does not answer.
    """
    leaderboard = Comparison.load(comparison)
    folder = _folder_of(leaderboard.verdict.ship, students)
    published = _publish(folder, comparison, leaderboard, options)
    _tell_results(leaderboard, comparison)
    _complete(leaderboard)
    outcome = Outcome(
        registered_model=leaderboard.settings.promotion_model,
        version=0,
        alias=leaderboard.promotion.alias,
        reason=leaderboard.promotion.reason,
        published=published,
    )
    if is_on():
        outcome = _register(folder, leaderboard, data, outcome, run)
    _tell_decision(leaderboard, outcome)
    return outcome


def headline(leaderboard: Comparison) -> dict[str, float]:
    """Collect the main metrics of the shipped student.

    Args:
        leaderboard: The comparison.

    Returns:
        Values by MLflow metric name: accuracy of teacher and student, retention, and speedup for batches of 32.
    """
    shipped = leaderboard.shipped.evaluation
    return {
        "teacher.accuracy": leaderboard.teacher.scores.accuracy,
        "student.accuracy": shipped.scores.accuracy,
        "student.retention": shipped.scores.retention,
        "student.speedup": shipped.speed.batch_32.speedup,
    }


def _folder_of(ship: str, students: Sequence[str]) -> Path:
    for path in students:
        if StudentDescription.load(path).candidate.name == ship:
            return Path(path)
    raise UserError(f"student {ship}: not among the {len(students)} students handed over; compare these students again")


def _publish(folder: Path, comparison: str, leaderboard: Comparison, options: PublishingOptions) -> str:
    if not options.promotion_publish_to:
        return ""
    student = {f"student/{file.relative_to(folder)}": file for file in sorted(folder.rglob("*")) if file.is_file()}
    results = {name: Path(comparison) / name for name in (Comparison.FILE, REPORT)}
    return storage.publish({**student, **results}, options.promotion_publish_to, leaderboard.verdict.ship)


def _register(folder: Path, leaderboard: Comparison, data: str, decided: Outcome, run: tracking.Run) -> Outcome:
    """Register the student; return the outcome with the version, and the alias and reason that it got."""
    name, before = decided.registered_model, leaderboard.promotion.champion_before
    digest = storage.version(str(folder))
    known = registry.registered_version(name, digest)
    champion = registry.aliased_version(name, registry.CHAMPION)
    alias, reason = decided.alias, decided.reason
    current = champion and int(champion.version)
    is_outdated = current != (before and before.version)
    is_promoted = alias == registry.CHAMPION and not is_outdated and known != current
    if known is not None and not is_promoted:
        return replace(decided, version=known, alias=registry.aliases(name, known), reason="registered before")
    if is_outdated:
        alias, reason = registry.CHALLENGER, "the champion changed while this run compared; compare again"
    version = known or registry.register_model(
        name=name,
        folder=folder,
        run=run,
        metadata=_metadata(leaderboard, decided.published),
        description=f"{leaderboard.verdict.reason} As {alias}: {reason}.",
        digest=digest,
        example=load_intents(data)["test"]["text"][:_EXAMPLES],
        requirements=_requirements(),
    )
    registry.set_alias(name, alias, version)
    return replace(decided, version=version, alias=alias, reason=reason)


def _tell_results(leaderboard: Comparison, comparison: str) -> None:
    """Log the main metrics to the parent run, which users open first; also for a comparison from the cache."""
    with tracking.parent_run() as run:
        run.metrics(headline(leaderboard))
        run.tags({"spectral_distill.ship": leaderboard.verdict.ship})
        for file in (Comparison.FILE, REPORT):
            run.file(f"{comparison}/{file}")


def _complete(leaderboard: Comparison) -> None:
    """Log to each nested run what MLflow's table of students needs: scores, size, speed, difference to the teacher.

    A configuration with several seeds has one row, that of its lowest seed: the leaderboard lacks the others' metrics.
    """
    teacher, sizes = leaderboard.teacher.scores, leaderboard.rows[0].evaluation.size
    scores = {f"test.{name}": value for name, value in teacher.model_dump().items()}
    size = {"size.bytes": sizes.teacher_bytes, "size.parameters": sizes.teacher_parameters}
    tracking.complete_run("train_teacher", role="teacher", metrics=scores | size)
    for row in leaderboard.rows:
        gap = row.versus_teacher.model_dump(exclude={"p_holm"})
        numbers = row.evaluation.metrics() | {f"versus_teacher.{name}": value for name, value in gap.items()}
        tracking.complete_run(row.student, role="candidate", candidate=row.student, metrics=numbers)


def _tell_decision(leaderboard: Comparison, outcome: Outcome) -> None:
    """Describe on the parent run what was registered and why, and mark the pipeline run as finished."""
    model = f"{outcome.registered_model} version {outcome.version}"
    decided = f"{leaderboard.verdict.ship} is registered as {model} ({outcome.alias}): {outcome.reason}."
    with tracking.parent_run() as run:
        run.describe(f"{leaderboard.verdict.reason}\n\n{decided}", report=REPORT)
    tracking.mark_finished(asdict(outcome))


def _requirements() -> list[str]:
    """List what serving the student needs, at the versions that made it, without local labels such as +cpu."""
    return [f"{name}=={metadata.version(name).partition('+')[0]}" for name in _REQUIREMENTS]


def _metadata(leaderboard: Comparison, published: str) -> dict[str, str | float]:
    return {
        "student": leaderboard.verdict.ship,
        "test_accuracy": leaderboard.shipped.evaluation.scores.accuracy,
        "teacher_accuracy": leaderboard.teacher.scores.accuracy,
        "data_source": leaderboard.data.source,
        "data_version": leaderboard.data.version,
        **{
            f"{name}_{fact}": value for name, about in leaderboard.data.further_sources.items() for fact, value in about
        },
        "decision": leaderboard.promotion.reason,
        "published": published,
    }
