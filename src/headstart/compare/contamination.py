"""Met before: how many evaluation rows occur in the text that an arm's weights were pretrained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from headstart.compare.sentences import study as sentences
from headstart.records.record import Record
from headstart.records.sections import Checkpoint


@dataclass(frozen=True)
class MetBefore:
    """What the runs of one arm say about it: of several runs, the numbers of the one that met the most rows.

    A gain on rows that were met before may be memory. `found` is None where nobody could check, and `why`
    says so. Validation and test rows count together: the first choose settings, the second are scored.
    """

    found: int | None  # rows that occur, as a whole or by a passage
    whole: int  # of these, as a whole; case, spacing and punctuation aside
    of: int  # rows that were checked
    words: int  # in a row that make a passage
    scope: str  # what was not checked, in words; "" for nothing
    why: str  # why it is unknown; "" where it is known

    @property
    def sentence(self) -> str:
        """'0 of 1,020 evaluation rows occur in its pretraining text', or that it is unknown, and why."""
        if self.found is None:
            return sentences.may_have_met(self.why)
        return sentences.met_before(self.found, self.whole, self.of, self.words, self.scope)


def met_before(records: Sequence[Record]) -> MetBefore | None:
    """What the records of one arm say; None where no run loaded weights."""
    checkpoints = [record.init.checkpoint for record in records if record.init.checkpoint]
    if not checkpoints:
        return None
    if records[0].config["task"].get("kind") == "image_classification":  # by their names, if at all
        return MetBefore(None, 0, 0, 0, "", sentences.IMAGES)
    checked = [_checked(checkpoint) for checkpoint in checkpoints if checkpoint.contamination]
    if not checked:
        source = checkpoints[0].source
        own = bool(checkpoints[0].ledger) or source.startswith("the run ")
        why = sentences.NO_TRACE if own else sentences.text_not_here(own=source.startswith("the folder "))
        return MetBefore(None, 0, 0, 0, "", why)
    most = max(checked, key=lambda met: ((met.found or 0) / max(met.of, 1), met.whole))
    left = len(checkpoints) - len(checked)
    rest = sentences.not_checked(left, len(checkpoints)) if left else ""
    return replace(most, scope="; ".join(filter(None, (most.scope, rest))))


def _checked(checkpoint: Checkpoint) -> MetBefore:
    splits = (checkpoint.contamination or {}).values()
    found, whole, of = (sum(int(split[key]) for split in splits) for key in ("passage", "exact", "of"))
    words = max((int(split["words"]) for split in splits), default=0)
    ledger = checkpoint.ledger or {}
    # Hashes are kept of the text of the latest stage alone.
    scope = sentences.LATEST_STAGE if ledger.get("parent") or ledger.get("model") else ""
    return MetBefore(found, whole, of, words, scope, "")
