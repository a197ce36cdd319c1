"""Candidates, teacher signals, losses, students."""
