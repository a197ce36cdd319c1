"""How tables become splits."""

from pydantic import Field, model_validator

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
    split_seed: int = Field(13, ge=0, description="Seed of the splits that the pipeline makes, and of what it draws.")
    texts_per_label: int = Field(
        0, ge=0, description="Most labelled texts of each label for training and validation together; 0 takes all."
    )
    altered_copies: int = Field(
        0,
        ge=0,
        le=20,
        description="Copies of each training text with words dropped, replaced or spliced, for students to learn the "
        "teacher's answers to; 0 makes none.",
    )

    @model_validator(mode="after")
    def _two_columns(self) -> "PreparationOptions":
        if self.text_column == self.label_column:
            raise ValueError(f"text_column and label_column: found {self.text_column!r} for both, expected two columns")
        return self
