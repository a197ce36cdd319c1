"""Whether the student to ship becomes the registry's champion, and why (not)."""

import tempfile
from pathlib import Path
from typing import Any

from datasets import DatasetDict

from components.foundation import registry
from components.foundation.errors import UserError
from components.foundation.intents import class_names
from components.foundation.settings import PromotionOptions


def decide(ship: dict[str, Any], champion: dict[str, Any] | None, options: PromotionOptions) -> dict[str, Any]:
    """`alias` (champion or challenger) and `reason`, for the evaluation `ship` against the present champion.

    `champion`: None, or `version` with either `accuracy` on the same test split or `problem`, why it has none.
    """
    accuracy = ship["scores"]["accuracy"]
    p95 = ship["speed"]["batch_1"]["student_p95_ms"]
    if 0 < options.promotion_latency_budget_ms < p95:
        return _challenger(
            f"p95 latency is {p95:.2f} ms, over the budget of {options.promotion_latency_budget_ms:g} ms"
        )
    if champion is None:
        return _champion("there is no champion yet")
    version = f"version {champion['version']}"
    if "problem" in champion:
        return _challenger(f"the champion ({version}) cannot be compared: {champion['problem']}")
    lost = champion["accuracy"] - accuracy
    compared = (
        f"accuracy {accuracy:.2%} against {champion['accuracy']:.2%} of the champion ({version}) on the same test texts"
    )
    if lost > options.promotion_margin + 1e-9:  # 0.905 - 0.9 is a little more than 0.005
        return _challenger(f"{compared} is worse by more than the margin of {options.promotion_margin:.2%}")
    return _champion(f"{compared} is not worse by more than the margin of {options.promotion_margin:.2%}")


def present_champion(data: DatasetDict, options: PromotionOptions) -> dict[str, Any] | None:
    """The registry's champion, run on this test split; None where there is none."""
    found = registry.aliased_version(options.promotion_model, registry.CHAMPION)
    if found is None:
        return None
    from components.foundation import checkpoints
    from components.foundation.scores import answer, score
    from components.foundation.text_model import load_classifier

    champion: dict[str, Any] = {"version": int(found.version)}
    with tempfile.TemporaryDirectory() as scratch:
        uri = f"models:/{options.promotion_model}/{found.version}"
        try:
            classifier = load_classifier(checkpoints.fetch(uri, uri, Path(scratch)))
        except UserError as error:
            return {**champion, "problem": str(error)}
    if classifier.labels != class_names(data):
        return {
            **champion,
            "problem": f"it answers {len(classifier.labels)} other labels; give another promotion_model",
        }
    return {**champion, **score(answer(classifier, data, "champion"))}


def _champion(reason: str) -> dict[str, Any]:
    return {"alias": registry.CHAMPION, "reason": reason}


def _challenger(reason: str) -> dict[str, Any]:
    return {"alias": registry.CHALLENGER, "reason": reason}
