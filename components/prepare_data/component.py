"""The KFP face of `prepare_data`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def prepare_data(settings: dict, dataset: dsl.Output[dsl.Dataset]):
    """Read, check, clean, de-duplicate and split the data; write it with a card of what was done."""
    from components.prepare_data.step import prepare_and_save

    prepare_and_save(settings, dataset.path)
