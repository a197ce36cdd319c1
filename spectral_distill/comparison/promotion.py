"""Decide whether the student to ship becomes the registry's champion."""

import tempfile
from pathlib import Path

from datasets import DatasetDict

from spectral_distill.comparison.artifact import Champion, Promotion
from spectral_distill.core.errors import UserError
from spectral_distill.core.settings import PromotionOptions
from spectral_distill.data.dataset import class_names
from spectral_distill.tracking import registry


def decide(accuracy: float, p95_ms: float, champion: Champion | None, options: PromotionOptions) -> Promotion:
    """Decide whether a student becomes champion or challenger.

    It becomes champion if it is within the latency budget and its accuracy is not below the champion's by more than the
    margin. A champion that cannot be compared keeps its alias.

    Args:
        accuracy: The student's accuracy on the test split, from 0 to 1.
        p95_ms: 95th percentile of its latency for single texts, in milliseconds.
        champion: The current champion; None if there is none.
        options: Margin and latency budget; a budget of 0 means none.

    Returns:
        The alias and the reason.
    """
    if 0 < options.promotion_latency_budget_ms < p95_ms:
        reason = f"p95 latency is {p95_ms:.2f} ms, over the budget of {options.promotion_latency_budget_ms:g} ms"
        return Promotion(alias=registry.CHALLENGER, reason=reason, champion_before=champion)
    if champion is None:
        return Promotion(alias=registry.CHAMPION, reason="there is no champion yet", champion_before=None)
    alias, reason = _against_champion(accuracy, champion, options)
    return Promotion(alias=alias, reason=reason, champion_before=champion)


def _against_champion(accuracy: float, champion: Champion, options: PromotionOptions) -> tuple[str, str]:
    """Return the alias, and the reason for it."""
    version = f"version {champion.version}"
    if champion.accuracy is None:
        return registry.CHALLENGER, f"the champion ({version}) cannot be compared: {champion.problem}"
    compared = (
        f"accuracy {accuracy:.2%} against {champion.accuracy:.2%} of the champion ({version}) on the same test texts"
    )
    margin = f"the margin of {options.promotion_margin:.2%}"
    if champion.accuracy - accuracy > options.promotion_margin + 1e-9:  # 0.905 - 0.9 is a little more than 0.005
        return registry.CHALLENGER, f"{compared} is worse by more than {margin}"
    return registry.CHAMPION, f"{compared} is not worse by more than {margin}"


def present_champion(data: DatasetDict, options: PromotionOptions) -> Champion | None:
    """Evaluate the registry's current champion on this test split.

    Args:
        data: The dataset of the comparison.
        options: Name of the registered model.

    Returns:
        Its scores, or the reason why it cannot be compared, such as other labels; None if there is no champion or
        tracking is off.

    Raises:
        UserError: MLflow does not answer.
    """
    found = registry.aliased_version(options.promotion_model, registry.CHAMPION)
    if found is None:
        return None
    from spectral_distill.evaluation.scores import answer, score
    from spectral_distill.models import checkpoints
    from spectral_distill.models.text_classifier import load_classifier

    version = int(found.version)
    with tempfile.TemporaryDirectory() as scratch:
        uri = f"models:/{options.promotion_model}/{found.version}"
        try:
            classifier = load_classifier(checkpoints.fetch(uri, uri, Path(scratch)))
        except UserError as error:
            return Champion(version=version, problem=str(error))
    if classifier.labels != class_names(data):
        problem = f"it answers {len(classifier.labels)} other labels; give another promotion_model"
        return Champion(version=version, problem=problem)
    return Champion(version=version, **score(answer(classifier, data, "champion")).model_dump())
