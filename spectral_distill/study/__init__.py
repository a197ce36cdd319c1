"""Experiments over strategies, depths, losses and seeds, with the statistics that a sceptic asks for."""
