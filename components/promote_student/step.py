"""`promote_student`: the student to ship goes to the registry, and wherever the user wants it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from components.frame import step
from components.kfp_views import show_metrics
from spectral_distill.comparison.artifact import Comparison
from spectral_distill.comparison.promoting import Outcome, headline, promote
from spectral_distill.core.progress import emit
from spectral_distill.core.settings import PublishingOptions
from spectral_distill.storage.uris import write_whole
from spectral_distill.tracking.pipeline_run import task_run


def promote_and_tell(
    settings: dict[str, Any], dataset: str, comparison: str, students: Sequence[str], metrics: Any, decision: str
) -> None:
    """Publish and register; `metrics` is a KFP artifact for numbers, the file `decision` says it in a sentence."""
    options = PublishingOptions(**{name: settings[name] for name in PublishingOptions.model_fields})
    with step("promote_student"), task_run("promote_student", role="promotion") as run:
        outcome = promote(comparison=comparison, students=students, data=dataset, options=options, run=run)
        run.tags(asdict(outcome))
        show_metrics(metrics, headline(Comparison.load(comparison)))
        write_whole(decision, _sentence(outcome))
        emit("result", comparison=comparison, **asdict(outcome))


def _sentence(outcome: Outcome) -> str:
    if outcome.version:
        what = f"{outcome.registered_model} version {outcome.version}: {outcome.alias}."
    else:
        what = f"Not registered, as no MLflow is set; it would be {outcome.alias}."
    published = f"\n\nPublished to `{outcome.published}`." if outcome.published else ""
    return f"**{what}** {outcome.reason}.{published}\n"
