"""Where people see a pipeline run in the KFP UI."""

import os

VARIABLE = "SPECTRAL_DISTILL_KFP_UI"
"""Where a task finds the address of the UI, if whoever compiled the pipeline gave it."""


def run_link(run_id: str) -> str:
    """The UI's page of a run; empty where the UI's address is not known."""
    ui = os.environ.get(VARIABLE, "").rstrip("/")
    return f"{ui}/#/runs/details/{run_id}" if ui else ""
