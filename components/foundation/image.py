"""The container image that every task runs in on a cluster; `subprocess` runs ignore it."""

IMAGE = "spectral-distill-python:0.1.0"
