"""From evaluations to a leaderboard, a verdict, a promotion decision and a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.compare_students.promotion import decide, present_champion
from components.compare_students.ranking import Contestant, correct_on_test, rank
from components.compare_students.report import render_report
from components.foundation.comparison import save_comparison
from components.foundation.intents import load_card, load_intents
from components.foundation.scores import load_evaluation
from components.foundation.settings import ComparisonOptions, PromotionOptions
from components.foundation.spectral_profile import load_profile
from components.foundation.storage import whole_folder, write_whole


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
) -> dict[str, Any]:
    """Rank the students, decide on the promotion, write the comparison and, for KFP's UI, the report again."""
    teacher, teacher_predictions = load_evaluation(teacher_evaluation)
    loaded = [load_evaluation(folder) for folder in evaluations]
    contestants = [Contestant(evaluation=found, correct=correct_on_test(answers)) for found, answers in loaded]
    ranking = rank(contestants, correct_on_test(teacher_predictions), options)
    shipped = next(index for index, member in enumerate(contestants) if member.name == ranking["verdict"]["ship"])
    champion = present_champion(load_intents(data), promotion)
    spectra = load_profile(profile)
    leaderboard = {
        **ranking,
        "promotion": {**decide(contestants[shipped].evaluation, champion, promotion), "champion_before": champion},
        "teacher": teacher,
        "data": load_card(data),
        "settings": {**options.model_dump(), **promotion.model_dump()},
        "profile": spectra.facts,
    }
    chosen = {found["configuration"]: found["teacher_layers"] for found, _ in loaded}
    page = render_report(leaderboard, spectra, chosen, loaded[shipped][1])
    with whole_folder(target) as folder:
        save_comparison(leaderboard, page, folder)
    write_whole(report, page)
    return leaderboard
