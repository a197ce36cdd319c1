"""`promote_student`: the student to ship goes to the registry, and wherever the user wants it."""

from collections.abc import Sequence
from typing import Any

from components.foundation.comparison import load_comparison
from components.foundation.kfp_views import show_metrics
from components.foundation.progress import emit
from components.foundation.settings import PublishingOptions
from components.foundation.step import step
from components.foundation.storage import write_whole
from components.foundation.tracking import task_run
from components.promote_student.promoting import headline, promote


def promote_and_tell(
    settings: dict[str, Any], dataset: str, comparison: str, students: Sequence[str], metrics: Any, decision: str
) -> None:
    """Publish and register; `metrics` is a KFP artifact for numbers, the file `decision` says it in a sentence."""
    options = PublishingOptions(**{name: settings[name] for name in PublishingOptions.model_fields})
    with step("promote_student"), task_run("promote_student", role="promotion") as run:
        outcome = promote(comparison=comparison, students=students, data=dataset, options=options, run=run)
        run.tags(outcome)
        show_metrics(metrics, headline(load_comparison(comparison)))
        write_whole(decision, _sentence(outcome))
        emit("result", comparison=comparison, **outcome)


def _sentence(outcome: dict[str, Any]) -> str:
    if outcome["version"]:
        what = f"{outcome['registered_model']} version {outcome['version']}: {outcome['alias']}."
    else:
        what = f"Not registered, as no MLflow is set; it would be {outcome['alias']}."
    published = f"\n\nPublished to `{outcome['published']}`." if outcome["published"] else ""
    return f"**{what}** {outcome['reason']}.{published}\n"
