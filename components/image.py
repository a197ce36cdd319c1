"""What tasks run: the container image on a cluster (`subprocess` runs ignore it), and the code, here or there."""

import os
from importlib import metadata

from spectral_distill.core.fingerprint import fingerprint

IMAGE = f"spectral-distill-python:{metadata.version('spectral-distill')}"
VARIABLE = "SPECTRAL_DISTILL_IMAGE"
"""Where a task finds the image that the pipeline was compiled for."""


def image_in_use() -> str:
    return os.environ.get(VARIABLE, IMAGE)


def code_version() -> str:
    """The state of the code that tasks run."""
    return fingerprint("spectral_distill", "components")
