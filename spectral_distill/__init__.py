"""Distil large text classifiers into small students, guided by the spectrum of their hidden states."""
