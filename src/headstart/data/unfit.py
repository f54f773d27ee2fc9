"""Unfit: a cell that its role cannot use."""


class UnfitError(ValueError):
    """Says what is needed instead; `{role}` in it becomes the role of the column."""
