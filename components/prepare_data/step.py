"""`prepare_data`: from sources at their versions to splits."""

from typing import Any

from components.frame import step
from spectral_distill.core.settings import PreparationOptions
from spectral_distill.data.preparing import prepare
from spectral_distill.tracking.pipeline_run import task_run


def prepare_and_save(settings: dict[str, Any], dataset: str) -> None:
    """Write the splits and the data card to the folder `dataset`."""
    values = dict(settings)
    versions, sources = values.pop("versions"), {}
    for name in versions:
        sources[name] = values.pop(name)
    with step("prepare_data"), task_run("prepare_data", role="task") as run:
        options = PreparationOptions(**values)
        card = prepare(
            data=sources["data"],
            data_version=versions["data"],
            out_of_scope_data=sources["data_out_of_scope"],
            out_of_scope_version=versions["data_out_of_scope"],
            unlabelled_data=sources["data_unlabelled"],
            unlabelled_version=versions["data_unlabelled"],
            options=options,
            target=dataset,
        )
        run.parameters({**sources, **options.model_dump()})
        run.metrics({f"texts.{name}": split.texts for name, split in card.splits.items()})
        run.file(f"{dataset}/data_card.json")
