"""From evaluations to a leaderboard, a verdict, a promotion decision and a report."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from spectral_distill.comparison.artifact import REPORT, Comparison, DecisionSettings, Row
from spectral_distill.comparison.promotion import decide, present_champion
from spectral_distill.comparison.ranking import Contestant, correct_on_test, rank
from spectral_distill.comparison.report import render_report
from spectral_distill.core.settings import ComparisonOptions, PromotionOptions
from spectral_distill.data.card import DataCard
from spectral_distill.data.dataset import load_intents
from spectral_distill.evaluation.artifact import Evaluation, TeacherEvaluation, load_predictions
from spectral_distill.spectra.profile import load_profile
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
    found = {evaluation.name: evaluation for evaluation in map(Evaluation.load, evaluations)}
    predictions = dict(zip(found, map(load_predictions, evaluations), strict=True))
    contestants = [_contestant(found[name], predictions[name]) for name in found]
    ranking = rank(contestants, correct_on_test(load_predictions(teacher_evaluation)), options)
    shipped = found[ranking.verdict.ship]
    champion = present_champion(load_intents(data), promotion)
    spectra = load_profile(profile)
    comparison = Comparison(
        rows=[Row(**dict(standing), evaluation=found[standing.student]) for standing in ranking.standings],
        verdict=ranking.verdict,
        promotion=decide(shipped.scores.accuracy, shipped.speed.batch_1.student_p95_ms, champion, promotion),
        teacher=TeacherEvaluation.load(teacher_evaluation),
        data=DataCard.load(data),
        settings=DecisionSettings(**options.model_dump(), **promotion.model_dump()),
        profile=spectra.facts,
    )
    page = render_report(comparison, spectra, predictions[shipped.name])
    with whole_folder(target) as folder:
        comparison.save(folder)
        (folder / REPORT).write_text(page, encoding="utf-8")
    write_whole(report, page)
    return comparison


def _contestant(evaluation: Evaluation, predictions: pd.DataFrame) -> Contestant:
    return Contestant(
        name=evaluation.name,
        configuration=evaluation.configuration,
        seed=evaluation.candidate.seed,
        parameters=evaluation.size.parameters,
        correct=correct_on_test(predictions),
    )
