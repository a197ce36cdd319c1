"""The KFP face of `profile_teacher`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def profile_teacher(
    prepared: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    profile_texts: int,
    profile_bins: int,
    profile_clip_sigmas: float,
    profile: dsl.Output[dsl.Artifact],
):
    """Measure the spectrum of every layer's hidden states over a sample of the training texts."""
    from components.foundation.intents import load_intents
    from components.foundation.step import step
    from components.foundation.text_model import load_classifier
    from components.foundation.tracking import task_run
    from components.profile_teacher.options import ProfileOptions
    from components.profile_teacher.profiling import profile_and_plot

    with step("profile_teacher"), task_run("profile_teacher", role="task") as run:
        options = ProfileOptions(
            profile_texts=profile_texts, profile_bins=profile_bins, profile_clip_sigmas=profile_clip_sigmas
        )
        profile_and_plot(load_classifier(model.path), load_intents(prepared.path), options, profile.path, run)
