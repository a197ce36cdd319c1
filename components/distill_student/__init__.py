"""Build a student and teach it."""
