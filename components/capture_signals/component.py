"""The KFP face of `capture_signals`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def capture_signals(
    prepared: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    selections: dsl.Input[dsl.Artifact],
    candidates: list,
    student_versions: dict,
    signals_budget_gib: float,
    signals: dsl.Output[dsl.Artifact],
):
    """Record the teacher's logits, and what candidates align to of its hidden states, once for all students."""
    from components.capture_signals.capturing import capture
    from components.capture_signals.options import SignalOptions
    from components.foundation.candidates import parse_candidates
    from components.foundation.intents import load_intents
    from components.foundation.selection import load_selections
    from components.foundation.step import step
    from components.foundation.text_model import load_classifier
    from components.foundation.tracking import task_run

    with step("capture_signals"), task_run("capture_signals", role="task") as run:
        facts = capture(
            teacher=load_classifier(model.path),
            data=load_intents(prepared.path),
            candidates=parse_candidates(candidates),
            selections=load_selections(selections.path),
            options=SignalOptions(signals_budget_gib=signals_budget_gib),
            checkpoints=student_versions,
            target=signals.path,
        )
        run.parameters(facts)
