"""The families of task; one more family is one more file and one more name here."""

from __future__ import annotations

from headstart.tasks.text_classification import TextClassification

Task = TextClassification
