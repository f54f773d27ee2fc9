"""arms: which weights are loaded into the seeded random model, and what may train."""
