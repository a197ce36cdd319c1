"""Profile a teacher over training texts; save the arrays, plot them for MLflow."""

from pathlib import Path

from datasets import DatasetDict

from components.foundation.intents import sample_texts
from components.foundation.profile_plots import heat_map, intensity_over_depth
from components.foundation.settings import ProfileOptions
from components.foundation.spectral_profile import SpectralProfile, profile_classifier
from components.foundation.storage import whole_folder
from components.foundation.text_model import TextClassifier
from components.foundation.tracking import Run


def profile_and_plot(
    teacher: TextClassifier, data: DatasetDict, options: ProfileOptions, target: str | Path, run: Run
) -> SpectralProfile:
    """The profile of a seeded sample of `profile_texts` training texts."""
    texts = sample_texts(data, options.profile_examples)
    profile = profile_classifier(
        teacher, texts, bins=options.profile_bins, clip_sigmas=options.profile_clip_sigmas, what="profile"
    )
    with whole_folder(target) as folder:
        profile.save(folder)
        intensity_over_depth(profile, {}).savefig(folder / "intensity.png", dpi=120)
        heat_map(profile).savefig(folder / "heat_map.png", dpi=120)
    run.parameters(options.model_dump())
    by_layer = zip(profile.arrays["channel/state/raw/intensity"], profile.arrays["state/rms"], strict=True)
    run.curves(
        (layer, {"profile.intensity": float(intensity), "profile.rms": float(rms)})
        for layer, (intensity, rms) in enumerate(by_layer)
    )
    for name in ("intensity.png", "heat_map.png", "profile.json"):
        run.file(Path(target) / name)
    return profile
