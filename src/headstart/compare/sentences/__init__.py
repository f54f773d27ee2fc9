"""Sentences: what the numbers say, in words: a file per subject, functions from facts to plain English."""
