"""Text classifiers and their encoder layers, heads, precision, checkpoints."""
