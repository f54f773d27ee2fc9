"""Console: what commands print as tables."""
