"""Quantities: everything that a study says as a number, under stable names."""
