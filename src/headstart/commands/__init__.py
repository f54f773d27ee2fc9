"""The commands: one file per command, each with what it takes and what it does."""
