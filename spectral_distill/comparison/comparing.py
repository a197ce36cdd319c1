"""From evaluations to a leaderboard, a verdict, a promotion decision and a report."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from spectral_distill.comparison.artifact import REPORT, Champion, Comparison, DecisionSettings, Row
from spectral_distill.comparison.promotion import decide, present_champion
from spectral_distill.comparison.ranking import Contestant, correct_on_test, rank
from spectral_distill.comparison.report import render_report
from spectral_distill.core.settings import ComparisonOptions, PromotionOptions
from spectral_distill.data.card import DataCard
from spectral_distill.data.dataset import load_intents
from spectral_distill.evaluation.artifact import Evaluation, TeacherEvaluation, load_predictions
from spectral_distill.spectra.profile import load_profile
from spectral_distill.spectra.profile_facts import ProfileFacts
from spectral_distill.storage.uris import whole_folder, write_whole


def compare(
    *,
    data: str,
    teacher_evaluation: str,
    profile: str,
    evaluations: Sequence[str],
    options: ComparisonOptions,
    promotion: PromotionOptions,
    target: str | Path,
    report: str | Path,
) -> Comparison:
    """Rank the students, decide on the promotion, write the comparison and, for KFP's UI, the report again."""
    measured = [(Evaluation.load(folder), load_predictions(folder)) for folder in evaluations]
    teacher = TeacherEvaluation.load(teacher_evaluation), load_predictions(teacher_evaluation)
    champion, spectra = present_champion(load_intents(data), promotion), load_profile(profile)
    comparison = compare_evaluations(
        measured, teacher, DataCard.load(data), spectra.facts, champion, options, promotion
    )
    page = render_report(comparison, spectra, shipped_predictions(comparison, measured))
    with whole_folder(target) as folder:
        comparison.save(folder)
        (folder / REPORT).write_text(page, encoding="utf-8")
    write_whole(report, page)
    return comparison


def compare_evaluations(
    measured: Sequence[tuple[Evaluation, pd.DataFrame]],
    teacher: tuple[TeacherEvaluation, pd.DataFrame],
    card: DataCard,
    profile: ProfileFacts,
    champion: Champion | None,
    options: ComparisonOptions,
    promotion: PromotionOptions,
) -> Comparison:
    """Rank evaluated students, name the one to ship, and decide on its promotion.

    Args:
        measured: Each student's evaluation and predictions.
        teacher: The same of the teacher.
        card: Of the data that all of them predicted.
        profile: Facts of the teacher's spectral profile.
        champion: The present one; None where there is none.
        options: How sure a difference must be.
        promotion: What a champion must show.

    Returns:
        The comparison.
    """
    found = {evaluation.name: evaluation for evaluation, _ in measured}
    contestants = [_contestant(evaluation, predictions) for evaluation, predictions in measured]
    ranking = rank(contestants, correct_on_test(teacher[1]), options)
    shipped = found[ranking.verdict.ship]
    return Comparison(
        rows=[Row(**dict(standing), evaluation=found[standing.student]) for standing in ranking.standings],
        verdict=ranking.verdict,
        promotion=decide(shipped.scores.accuracy, shipped.speed.batch_1.student_p95_ms, champion, promotion),
        teacher=teacher[0],
        data=card,
        settings=DecisionSettings(**options.model_dump(), **promotion.model_dump()),
        profile=profile,
    )


def shipped_predictions(comparison: Comparison, measured: Sequence[tuple[Evaluation, pd.DataFrame]]) -> pd.DataFrame:
    """The predictions of the student to ship."""
    return next(answers for evaluation, answers in measured if evaluation.name == comparison.verdict.ship)


def _contestant(evaluation: Evaluation, predictions: pd.DataFrame) -> Contestant:
    return Contestant(
        name=evaluation.name,
        configuration=evaluation.configuration,
        seed=evaluation.candidate.seed,
        parameters=evaluation.size.parameters,
        correct=correct_on_test(predictions),
    )
