"""Which teacher layers a student gets: layer scores, strategies, layer mappings."""
