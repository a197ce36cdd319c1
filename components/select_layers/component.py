"""The KFP face of `select_layers`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def select_layers(profile: dsl.Input[dsl.Artifact], candidate: dict, selection: dsl.Output[dsl.Artifact]):
    """Decide, by the candidate's strategy, what each student layer is made of."""
    from components.foundation.candidates import parse_candidate
    from components.foundation.spectral_profile import load_profile
    from components.foundation.step import step
    from components.foundation.storage import whole_folder
    from components.select_layers.strategies import select

    with step("select_layers", detail=parse_candidate(candidate).name):
        chosen = select(load_profile(profile.path), parse_candidate(candidate))
        with whole_folder(selection.path) as folder:
            chosen.save(folder)
