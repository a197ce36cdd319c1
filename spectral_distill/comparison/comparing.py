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
    """Rank the students, decide on the promotion, and write the comparison and the report.

    The report is written twice: beside the leaderboard, and as a file of its own for KFP's UI.

    Args:
        data: Folder of the `data` artifact.
        teacher_evaluation: Folder of the teacher's evaluation, with its predictions.
        profile: Folder of the teacher's spectral profile.
        evaluations: Folders of the students' evaluations, with their predictions.
        options: Confidence of intervals and tests.
        promotion: Margin, latency budget and model name that decide on the promotion.
        target: Folder of the `comparison` artifact; written atomically.
        report: File of the second copy of the report; written atomically.

    Returns:
        The comparison.

    Raises:
        UserError: An artifact is missing or has another schema version, or MLflow does not answer.
    """
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
    """Rank evaluated students, select the one to ship, and decide on its promotion.

    Args:
        measured: Evaluation and predictions of each student.
        teacher: Evaluation and predictions of the teacher.
        card: Data card of the dataset that all of them predicted.
        profile: Facts of the teacher's spectral profile.
        champion: The current champion; None if there is none.
        options: Confidence of intervals and tests.
        promotion: Margin and latency budget of the promotion.

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
    """Find the predictions of the student to ship.

    Args:
        comparison: The comparison, whose verdict names the student.
        measured: Evaluation and predictions of each student.

    Returns:
        The predictions, in the columns of `evaluation.artifact`.
    """
    return next(answers for evaluation, answers in measured if evaluation.name == comparison.verdict.ship)


def _contestant(evaluation: Evaluation, predictions: pd.DataFrame) -> Contestant:
    return Contestant(
        name=evaluation.name,
        configuration=evaluation.configuration,
        seed=evaluation.candidate.seed,
        parameters=evaluation.size.parameters,
        correct=correct_on_test(predictions),
    )
