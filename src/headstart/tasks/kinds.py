"""The families of task; one more family is one more file and one more name here, or a user's own file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from headstart.plugins import OwnKinds
from headstart.tasks.causal_lm import CausalLM
from headstart.tasks.denoising import Denoising
from headstart.tasks.family import Family
from headstart.tasks.image_classification import ImageClassification
from headstart.tasks.masked_lm import MaskedLM
from headstart.tasks.question_answering import QuestionAnswering
from headstart.tasks.text_classification import TextClassification
from headstart.tasks.text_to_text import TextToText
from headstart.tasks.token_classification import TokenClassification

Task = Annotated[
    TextClassification
    | TokenClassification
    | QuestionAnswering
    | TextToText
    | CausalLM
    | MaskedLM
    | Denoising
    | ImageClassification,
    Field(discriminator="kind"),
    OwnKinds("tasks", Family, needs=("auto_class", "prepare", "loss", "observe", "judge")),
]
