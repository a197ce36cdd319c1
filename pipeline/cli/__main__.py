"""Run the command line with `python -m pipeline.cli`."""

from pipeline.cli import main

main()
