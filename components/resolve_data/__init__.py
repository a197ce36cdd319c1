"""Find what the data source and the teacher hold now."""
