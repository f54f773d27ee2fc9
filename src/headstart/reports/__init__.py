"""The reporting half: findings become an HTML page, a Markdown page and a few lines in the terminal."""
