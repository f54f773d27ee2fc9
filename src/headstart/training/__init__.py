"""training: one run from top to bottom."""
