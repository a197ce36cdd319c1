"""The KFP face of `compare_students`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def compare_students(
    prepared: dsl.Input[dsl.Dataset],
    teacher_evaluation: dsl.Input[dsl.Artifact],
    profile: dsl.Input[dsl.Artifact],
    evaluations: dsl.Input[list[dsl.Artifact]],
    confidence: float,
    registered_model: str,
    promotion_margin: float,
    latency_budget_ms: float,
    comparison: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
):
    """Rank the students with statistics, name the one to ship, decide on its promotion, and write the report."""
    from components.compare_students.comparing import compare
    from components.compare_students.options import ComparisonOptions, PromotionOptions
    from components.foundation.step import step
    from components.foundation.tracking import task_run

    with step("compare_students"), task_run("compare_students", role="comparison") as run:
        promotion = PromotionOptions(
            registered_model=registered_model, promotion_margin=promotion_margin, latency_budget_ms=latency_budget_ms
        )
        compare(
            data=prepared.path,
            teacher_evaluation=teacher_evaluation.path,
            profile=profile.path,
            options=ComparisonOptions(confidence=confidence),
            evaluations=[evaluation.path for evaluation in evaluations],
            promotion=promotion,
            target=comparison.path,
            report=report.path,
        )
        run.file(f"{comparison.path}/leaderboard.json")
        run.file(f"{comparison.path}/report.html")
