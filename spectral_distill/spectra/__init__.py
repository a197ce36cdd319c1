"""Transforms, the spectral profile, plots."""
