"""End the run in MLflow with its true status."""
