"""Tracking that goes nowhere."""

from spectral_distill.tracking.pipeline_run import Run

NO_RUN = Run(None)
