"""Read, check, clean and split the data."""
