"""How the steps are chained and where they run."""
