"""Spectral fidelity: how closely a student's spectra match its teacher's, layer by layer, aligned or not."""

from torch import Tensor
from torch.nn.functional import interpolate

from spectral_distill.evaluation.artifact import LayerFidelity
from spectral_distill.models.layer_mapping import LayerMix
from spectral_distill.selection.mapping import Selection
from spectral_distill.spectra.profile import SpectralProfile
from spectral_distill.spectra.transforms import spectral_distance, two_sided_weights


def spectral_fidelity(student: SpectralProfile, teacher: SpectralProfile, selection: Selection) -> list[LayerFidelity]:
    """Compute the relative distance of fingerprints at the embeddings and every student layer (0 is the same).

    Each student layer is compared with its teacher layers. The spectra of several teacher layers are averaged, not
    their states. Where these differ in phase, a student whose state is their mean therefore has no distance of 0.

    If student and teacher differ in width, the teacher's fingerprint is interpolated linearly in frequency.

    Args:
        student: The student's spectral profile.
        teacher: The teacher's spectral profile, measured with the same settings.
        selection: The student's layer mapping.

    Returns:
        One entry for the embeddings (student layer -1), then one for each student layer.
    """
    pairs: list[tuple[int, LayerMix]] = [(-1, [(-1, 1.0)]), *enumerate(selection.layers)]
    return [
        LayerFidelity(
            student_layer=layer,
            teacher_layers=[(int(index), weight) for index, weight in mix],
            channel=_distance(student, teacher, "channel", layer, mix),
            token=_distance(student, teacher, "token", layer, mix),
        )
        for layer, mix in pairs
    ]


def _distance(student: SpectralProfile, teacher: SpectralProfile, axis: str, layer: int, mix: LayerMix) -> float:
    name = f"{axis}/state/raw/fingerprint"
    mine, theirs = student.arrays[name][layer + 1], _mixed(teacher.arrays[name], mix)
    length = student.facts.channels if axis == "channel" else student.facts.token_grid_points
    return float(spectral_distance(mine, _at(len(mine), theirs), two_sided_weights(length)))


def _at(bins: int, fingerprint: Tensor) -> Tensor:
    """Interpolate a fingerprint linearly to the frequencies of another width; both are in cycles per channel."""
    if len(fingerprint) == bins:
        return fingerprint
    return interpolate(fingerprint[None, None], size=bins, mode="linear", align_corners=True)[0, 0]


def _mixed(fingerprints: Tensor, mix: LayerMix) -> Tensor:
    return sum(
        (weight * fingerprints[layer + 1] for layer, weight in mix), start=fingerprints.new_zeros(fingerprints.shape[1])
    )
