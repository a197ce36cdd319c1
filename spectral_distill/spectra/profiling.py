"""Profile a teacher on training texts, save the arrays, and plot them for MLflow."""

from pathlib import Path

from datasets import DatasetDict

from spectral_distill.core.settings import ProfileOptions
from spectral_distill.data.dataset import sample_texts
from spectral_distill.models.text_classifier import TextClassifier
from spectral_distill.spectra.plots import heat_map, intensity_over_depth
from spectral_distill.spectra.profile import SpectralProfile, profile_classifier
from spectral_distill.storage.uris import whole_folder
from spectral_distill.tracking.pipeline_run import Run


def profile_and_plot(
    teacher: TextClassifier, data: DatasetDict, options: ProfileOptions, target: str | Path, run: Run
) -> SpectralProfile:
    """Profile the teacher on a seeded sample of `profile_examples` training texts.

    Args:
        teacher: The teacher.
        data: The prepared dataset.
        options: Sample size, frequency bins and outlier limit.
        target: Directory for arrays, facts and plots; written atomically.
        run: MLflow run for settings, metrics by layer, and plots.

    Returns:
        The spectral profile.
    """
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
