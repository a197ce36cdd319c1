"""The KFP face of `capture_signals`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def capture_signals(
    settings: dict,
    dataset: dsl.Input[dsl.Dataset],
    teacher: dsl.Input[dsl.Model],
    profile: dsl.Input[dsl.Artifact],
    signals: dsl.Output[dsl.Artifact],
):
    """Select each candidate's layers, and cache the teacher's logits and hidden states that candidates learn from."""
    from components.capture_signals.step import select_and_capture

    select_and_capture(settings, dataset.path, teacher.path, profile.path, signals.path)
