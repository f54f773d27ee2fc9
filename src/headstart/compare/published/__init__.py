"""Published: what others reported of their models, with the sources."""
