"""The KFP face of `compare_students`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def compare_students(
    settings: dict,
    dataset: dsl.Input[dsl.Dataset],
    teacher_evaluation: dsl.Input[dsl.Artifact],
    profile: dsl.Input[dsl.Artifact],
    evaluations: dsl.Input[dsl.Artifact],
    comparison: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    leaderboard: dsl.Output[dsl.Markdown],
    confusion_matrix: dsl.Output[dsl.ClassificationMetrics],
):
    """Rank the students with statistics, name the one to ship, decide on its promotion, and write the report."""
    from components.compare_students.step import compare_and_report

    compare_and_report(
        settings,
        dataset.path,
        teacher_evaluation.path,
        profile.path,
        evaluations.path,
        comparison.path,
        report.path,
        leaderboard.path,
        confusion_matrix,
    )
