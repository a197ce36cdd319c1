"""The KFP face of `profile_teacher`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def profile_teacher(
    settings: dict,
    dataset: dsl.Input[dsl.Dataset],
    teacher: dsl.Input[dsl.Model],
    profile: dsl.Output[dsl.Artifact],
    layer_intensity: dsl.Output[dsl.HTML],
):
    """Measure the spectrum of every layer's hidden states over a sample of the training texts."""
    from components.profile_teacher.step import profile_and_save

    profile_and_save(settings, dataset.path, teacher.path, profile.path, layer_intensity.path)
