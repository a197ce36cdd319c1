"""The client of a Kubeflow Pipelines server: submit runs, follow them, read logs, manage schedules."""
