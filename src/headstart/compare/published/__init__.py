"""Published: what others reported of well-known models, from pretraining.json and models.json."""
