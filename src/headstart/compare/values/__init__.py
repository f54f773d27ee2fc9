"""Values: what comparisons find, as plain frozen dataclasses that a report can print."""
