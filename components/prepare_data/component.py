"""The KFP face of `prepare_data`."""

from kfp import dsl

from components.foundation.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def prepare_data(
    data: str,
    data_version: str,
    out_of_scope_data: str,
    out_of_scope_version: str,
    unlabelled_data: str,
    unlabelled_version: str,
    text_column: str,
    label_column: str,
    validation_share: float,
    test_share: float,
    split_seed: int,
    texts_per_label: int,
    altered_copies: int,
    prepared: dsl.Output[dsl.Dataset],
):
    """Read, check, clean, de-duplicate and split the data; write it with a card of what was done."""
    from components.foundation.step import step
    from components.foundation.tracking import task_run
    from components.prepare_data.options import PreparationOptions
    from components.prepare_data.preparing import prepare

    with step("prepare_data"), task_run("prepare_data", role="task") as run:
        options = PreparationOptions(
            text_column=text_column,
            label_column=label_column,
            validation_share=validation_share,
            test_share=test_share,
            split_seed=split_seed,
            texts_per_label=texts_per_label,
            altered_copies=altered_copies,
        )
        card = prepare(
            data=data,
            data_version=data_version,
            out_of_scope_data=out_of_scope_data,
            out_of_scope_version=out_of_scope_version,
            unlabelled_data=unlabelled_data,
            unlabelled_version=unlabelled_version,
            options=options,
            target=prepared.path,
        )
        run.parameters({"data": data, "unlabelled_data": unlabelled_data, **options.model_dump()})
        run.metrics({f"texts.{name}": split["texts"] for name, split in card["splits"].items()})
        run.file(f"{prepared.path}/data_card.json")
