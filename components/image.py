"""The container image that every task runs in on a cluster; `subprocess` runs ignore it."""

import os

IMAGE = "spectral-distill-python:0.1.0"
VARIABLE = "SPECTRAL_DISTILL_IMAGE"
"""Where a task finds the image that the pipeline was compiled for."""


def image_in_use() -> str:
    return os.environ.get(VARIABLE, IMAGE)
