"""From a run: weights that a run of headstart trained and kept, with what their training cost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from headstart.arms.pour import Poured, pour
from headstart.models.model import Model
from headstart.models.place import Found, verified_digest
from headstart.node import NAME, Node, WeightsError

if TYPE_CHECKING:
    from torch import nn

MODEL = "model"  # folder of the weights inside a run's folder
LEDGER = "ledger.json"  # beside the weights: what they cost, through any chain of runs


class FromRun(Node):
    """The backbone that another run left (`keep_weights=true`), poured over the seeded model."""

    kind: Literal["from_run"]
    name: str = Field(default="from_run", pattern=NAME)
    run: str = Field(min_length=1)
    fresh: tuple[str, ...] = Field(default=(), strict=False)

    def weights_digest(self, model: Model, fetch: bool = True) -> str | None:
        """sha256 of the kept weights."""
        return verified_digest(self._found())

    def pour(self, seeded: nn.Module, model: Model) -> Poured:
        """The kept backbone over `seeded`; WeightsError when any of it does not arrive."""
        found = self._found()
        poured = pour(seeded, found, verified_digest(found), self.fresh)
        return replace(poured, checkpoint={**(poured.checkpoint or {}), "ledger": self._ledger(found)})

    def _found(self) -> Found:
        folder = Path(self.run).expanduser() / MODEL
        if not (folder / "config.json").is_file():
            raise WeightsError(f"arm.run: {self.run} keeps no weights; train it with keep_weights=true")
        return Found(folder, f"the run {Path(self.run).name}")

    def _ledger(self, found: Found) -> dict[str, Any] | None:
        try:
            return json.loads((found.folder / LEDGER).read_text("utf8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise WeightsError(f"{found.folder / LEDGER}: cannot be read ({error})") from None


def keep(folder: Path, model: nn.Module, tokenizer: Any) -> None:
    """Save the weights and tokenizer of a finished run as a folder that transformers can load."""
    model.save_pretrained(folder / MODEL)  # pyright: ignore[reportCallIssue]
    tokenizer.save_pretrained(folder / MODEL)


def write_ledger(folder: Path, record: dict[str, Any], model: str) -> None:
    """Write what this run's weights cost: its own stage, and the stages that it stands on."""
    energy, checkpoint = record["cost"]["energy"], record["init"]["checkpoint"]
    parent = checkpoint["ledger"] if checkpoint and "ledger" in checkpoint else None
    stage = {
        "flops": record["cost"]["flops"]["total"],
        "joules": energy["joules"]["total"] if energy["joules"] else None,
        "method": energy["method"],
        "seconds": record["cost"]["seconds"]["total"],
        "runs": [record["run_id"]],
        "parent": parent,
        "boundary": energy["boundary"],
        "machine": record["environment"]["machine"],
        "exclusive": energy["exclusive"],
        "model": model if checkpoint and parent is None else None,
    }
    (folder / MODEL / LEDGER).write_text(json.dumps(stage, indent=1) + "\n", "utf8")
