"""Trivial rules: what costs next to nothing and stands beside every result; algorithms alone, no families."""
