"""Studies: grids of candidates over seeds, and the evidence from them."""
