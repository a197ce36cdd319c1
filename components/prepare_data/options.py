"""How tables become splits."""

from pydantic import Field

from components.foundation.options import Options


class PreparationOptions(Options):
    """Columns and splits."""

    text_column: str = Field("text", min_length=1, description="Name of the column with the texts.")
    label_column: str = Field("label", min_length=1, description="Name of the column with the labels.")
    validation_share: float = Field(
        0.1, gt=0, lt=0.5, description="Share of the training texts held out where the data has no validation split."
    )
    test_share: float = Field(
        0.2, gt=0, lt=0.5, description="Share of all texts held out where the data has no test split."
    )
    split_seed: int = Field(13, ge=0, description="Seed of the splits that the pipeline makes.")
