"""Measure the teacher's hidden states in frequency."""
