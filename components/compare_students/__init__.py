"""Rank the students and say which to ship."""
