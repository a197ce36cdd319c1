"""The KFP face of `select_layers`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def select_layers(profile: dsl.Input[dsl.Artifact], candidates: list, selections: dsl.Output[dsl.Artifact]):
    """Decide, by each candidate's strategy, what each student layer is made of."""
    from components.foundation.candidates import parse_candidates
    from components.foundation.selection import save_selections
    from components.foundation.spectral_profile import load_profile
    from components.foundation.step import step
    from components.foundation.storage import whole_folder
    from components.select_layers.strategies import select

    with step("select_layers"):
        spectra = load_profile(profile.path)
        chosen = {candidate.name: select(spectra, candidate) for candidate in parse_candidates(candidates)}
        with whole_folder(selections.path) as folder:
            save_selections(chosen, folder)
