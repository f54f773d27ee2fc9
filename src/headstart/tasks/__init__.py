"""tasks: one file per family, from rows to scores."""
