"""arms: what is poured over the seeded random model, and what may train."""
