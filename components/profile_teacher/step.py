"""`profile_teacher`: the teacher's spectral profile, and its plot for people."""

from typing import Any

from components.frame import step
from components.kfp_views import show_image
from spectral_distill.core.settings import ProfileOptions
from spectral_distill.data.dataset import load_intents
from spectral_distill.models.text_classifier import load_classifier
from spectral_distill.spectra.profiling import profile_and_plot
from spectral_distill.tracking.pipeline_run import task_run


def profile_and_save(settings: dict[str, Any], dataset: str, teacher: str, profile: str, layer_intensity: str) -> None:
    """Write the profile to the folder `profile`, and the page with its plot to the file `layer_intensity`."""
    with step("profile_teacher"), task_run("profile_teacher", role="task") as run:
        options = ProfileOptions(**settings)
        profile_and_plot(load_classifier(teacher), load_intents(dataset), options, profile, run)
        show_image(layer_intensity, f"{profile}/intensity.png", "Spectral intensity of each layer of the teacher")
