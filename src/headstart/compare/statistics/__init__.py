"""Statistics: tests, fits and curves on arrays of numbers; nothing here knows of runs."""
