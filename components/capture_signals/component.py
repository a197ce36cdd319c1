"""The KFP face of `capture_signals`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def capture_signals(
    prepared: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    candidates: list,
    signals_budget_gib: float,
    signals: dsl.Output[dsl.Artifact],
):
    """Record the teacher's logits, and its hidden states where a candidate aligns them, once for all students."""
    from components.capture_signals.capturing import capture
    from components.capture_signals.options import SignalOptions
    from components.foundation.intents import load_intents
    from components.foundation.step import step
    from components.foundation.text_model import load_classifier
    from components.foundation.tracking import task_run

    with step("capture_signals"), task_run("capture_signals", role="task") as run:
        options = SignalOptions(signals_budget_gib=signals_budget_gib)
        facts = capture(load_classifier(model.path), load_intents(prepared.path), candidates, options, signals.path)
        run.parameters(facts)
