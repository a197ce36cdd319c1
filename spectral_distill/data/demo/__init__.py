"""Demo data that ships with the project, so that everything can be tried without a download."""
