"""MLflow: runs, metrics and the model registry. The only package that imports mlflow."""
