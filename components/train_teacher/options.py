"""How the teacher is made."""

from pydantic import Field

from components.foundation.options import Options


class TeacherOptions(Options):
    """How the teacher is made."""

    fine_tune_teacher: bool = Field(True, description="Fine-tune the checkpoint; false imports it as it is.")
    max_tokens: int = Field(
        64, ge=4, le=8192, description="Texts are cut after this many tokens, for teacher and students."
    )
    teacher_epochs: int = Field(8, ge=1, le=1000, description="Passes over the training texts.")
    teacher_learning_rate: float = Field(1e-4, gt=0, lt=1, description="Peak learning rate of the teacher.")
    teacher_batch_size: int = Field(32, ge=1, le=4096, description="Texts in a training step.")
    teacher_seed: int = Field(0, ge=0, description="Seed of the new head, the training order and dropout.")
