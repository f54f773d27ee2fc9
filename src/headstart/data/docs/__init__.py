"""Docs: the demo corpus, made from docstrings of installed packages."""
