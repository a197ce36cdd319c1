"""How students train."""

from pydantic import Field

from components.foundation.options import Options


class StudentOptions(Options):
    """How long and how fast every student trains."""

    student_epochs: int = Field(10, ge=1, le=1000, description="Passes over training and unlabelled texts.")
    student_learning_rate: float = Field(1e-4, gt=0, lt=1, description="Peak learning rate of each student.")
    student_batch_size: int = Field(32, ge=1, le=4096, description="Texts in a training step of a student.")
    student_patience: int = Field(
        0, ge=0, description="Epochs without a better validation loss after which a student stops; 0 trains them all."
    )
