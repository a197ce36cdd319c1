"""Scores, calibration, latency, spectral fidelity."""
