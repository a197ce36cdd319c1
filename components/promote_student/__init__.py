"""Register the winner."""
