"""`compare_students`: from evaluations to the leaderboard, the decision and the report."""

from pathlib import Path
from typing import Any

from components.frame import step
from components.kfp_views import show_confusion_matrix
from spectral_distill.comparison.comparing import compare
from spectral_distill.comparison.markdown import leaderboard_in_markdown
from spectral_distill.core.settings import ComparisonOptions, PromotionOptions, PublishingOptions
from spectral_distill.evaluation.artifact import load_predictions
from spectral_distill.storage.uris import write_whole
from spectral_distill.tracking.pipeline_run import task_run


def compare_and_report(
    settings: dict[str, Any],
    dataset: str,
    teacher_evaluation: str,
    profile: str,
    evaluations: str,
    comparison: str,
    report: str,
    leaderboard: str,
    confusion_matrix: Any,
) -> None:
    """Write the comparison to its folder, and for KFP's UI report, leaderboard and the shipped student's confusions."""
    values = {name: value for name, value in settings.items() if name not in PublishingOptions.model_fields}
    confidence = {name: values.pop(name) for name in ComparisonOptions.model_fields}
    folders = {folder.name: str(folder) for folder in sorted(Path(evaluations).iterdir())}
    with step("compare_students"), task_run("compare_students", role="comparison") as run:
        board = compare(
            data=dataset,
            teacher_evaluation=teacher_evaluation,
            profile=profile,
            evaluations=list(folders.values()),
            options=ComparisonOptions(**confidence),
            promotion=PromotionOptions(**values),
            target=comparison,
            report=report,
        )
        write_whole(leaderboard, leaderboard_in_markdown(board))
        show_confusion_matrix(confusion_matrix, load_predictions(folders[board.verdict.ship]))
        run.file(f"{comparison}/leaderboard.json")
        run.file(f"{comparison}/report.html")
