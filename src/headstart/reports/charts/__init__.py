"""Charts: how numbers are drawn."""
