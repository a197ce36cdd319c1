"""Statistics, ranking, promotion, the report."""
