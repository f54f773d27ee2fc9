"""Formats: one page as HTML, Markdown, a W&B report, a model card, exports."""
