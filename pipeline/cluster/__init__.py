"""The pipeline on a Kubeflow Pipelines server: upload, runs, schedules."""
