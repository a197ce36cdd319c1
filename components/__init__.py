"""What each step of the pipeline does: one folder a step, in pipeline order, and what they share in `foundation`."""
