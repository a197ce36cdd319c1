"""Publish and register the winner."""
