"""`profile_teacher`: the teacher's spectral profile, and its plot for people."""

from typing import Any

from components.foundation.intents import load_intents
from components.foundation.kfp_views import show_image
from components.foundation.settings import ProfileOptions
from components.foundation.step import step
from components.foundation.text_model import load_classifier
from components.foundation.tracking import task_run
from components.profile_teacher.profiling import profile_and_plot


def profile_and_save(settings: dict[str, Any], dataset: str, teacher: str, profile: str, layer_intensity: str) -> None:
    """Write the profile to the folder `profile`, and the page with its plot to the file `layer_intensity`."""
    with step("profile_teacher"), task_run("profile_teacher", role="task") as run:
        options = ProfileOptions(**settings)
        profile_and_plot(load_classifier(teacher), load_intents(dataset), options, profile, run)
        show_image(layer_intensity, f"{profile}/intensity.png", "Spectral intensity of each layer of the teacher")
