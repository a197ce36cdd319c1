"""`compare_students`: from evaluations to the leaderboard, the decision and the report."""

from pathlib import Path
from typing import Any

from components.compare_students.comparing import compare
from components.compare_students.markdown import leaderboard_in_markdown
from components.foundation.kfp_views import show_confusion_matrix
from components.foundation.scores import load_evaluation
from components.foundation.settings import ComparisonOptions, PromotionOptions, PublishingOptions
from components.foundation.step import step
from components.foundation.storage import write_whole
from components.foundation.tracking import task_run


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
    folders = sorted(str(folder) for folder in Path(evaluations).iterdir())
    with step("compare_students"), task_run("compare_students", role="comparison") as run:
        board = compare(
            data=dataset,
            teacher_evaluation=teacher_evaluation,
            profile=profile,
            evaluations=folders,
            options=ComparisonOptions(**confidence),
            promotion=PromotionOptions(**values),
            target=comparison,
            report=report,
        )
        write_whole(leaderboard, leaderboard_in_markdown(board))
        loaded = [load_evaluation(folder) for folder in folders]
        shipped = next(answers for found, answers in loaded if found["name"] == board["verdict"]["ship"])
        show_confusion_matrix(confusion_matrix, shipped)
        run.file(f"{comparison}/leaderboard.json")
        run.file(f"{comparison}/report.html")
