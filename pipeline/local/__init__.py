"""The pipeline on this machine: kfp.local in subprocesses or containers, its workspace, and what the terminal shows."""
