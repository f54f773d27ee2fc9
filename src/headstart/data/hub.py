"""Hub: rows from a dataset of the Hugging Face hub, at one revision, with or without a network."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field

from headstart.config import Config, nearest
from headstart.data.formats import dataset_rows, one_line
from headstart.data.hub_files import ADVICE, damaged
from headstart.data.rows import SPLITS, Columns, Splits, checked
from headstart.data.splits import Holdout
from headstart.errors import AbsentError, DataError

COMMIT = re.compile(r"[0-9a-f]{40}")


class Hub(Config):
    """A dataset of the hub by name; after it was fetched once, no network is needed."""

    name: str = Field(pattern=r"^[\w.-]+(/[\w.-]+)?$")
    config: str | None = None
    revision: str | None = None  # a commit fixes the rows; null: the cached main, else the newest
    train: str = "train"
    validation: str | None = None
    test: str | None = None
    holdout: Holdout = Holdout()
    split_seed: int = 0

    def digest(self) -> str:
        """Name and commit; no network is needed when the revision is a commit, or is cached."""
        pinned = self.revision if self.revision and COMMIT.fullmatch(self.revision) else None
        return f"hub:{self.name}@{pinned or self.folder().name}"

    def load(self, columns: Columns, stratify: str | None = None) -> Splits:
        """Fetch, read and check, then hold out the missing splits; `columns` maps role to column name."""
        from datasets import load_dataset
        from datasets.exceptions import DatasetsError

        folder = self.folder()
        if wrong := damaged(folder):
            raise DataError(f"{wrong[0]} {ADVICE}")
        try:
            # By path, since `load_dataset(name)` ignores the revision without a network; and so that no code
            # of the dataset runs.
            dataset = load_dataset(str(folder), self.config)
        except (DatasetsError, ValueError, OSError, RuntimeError) as error:
            raise DataError(
                f"{self.name} at {folder.name[:12]} cannot be read ({one_line(error)}): "
                "choose another task.hub.config or revision, or convert it and use task.files"
            ) from None
        names = [str(name) for name in dataset]
        chosen = {split: getattr(self, split) for split in SPLITS if getattr(self, split) is not None}
        for split, name in chosen.items():
            if name not in names:
                raise DataError(
                    f"task.hub.{split}={name}: {self.name} has no such split; {nearest(name, names)}"
                )
        splits = {
            split: checked(dataset_rows(dataset[name], f"{self.name} split {name}"), columns)
            for split, name in chosen.items()
        }
        return self.holdout.complete(splits, stratify, self.split_seed, f"hub:{self.name}@{folder.name}")

    def folder(self) -> Path:
        """The folder of the revision in the hub's cache, named by its commit; fetched if it is incomplete."""
        from huggingface_hub import HfApi, errors

        try:
            return self._download(cached_only=True)
        except errors.LocalEntryNotFoundError:
            pass
        try:
            # Asked first, since it fails at once without a network; a download retries for 23 s per file.
            HfApi().dataset_info(self.name, revision=self.revision, timeout=10)
            return self._download(cached_only=False)
        except errors.GatedRepoError:
            problem = (
                "is gated: accept its terms on its page, then log in with `hf auth login` or set HF_TOKEN"
            )
        except errors.RevisionNotFoundError:
            problem = "does not exist: correct task.hub.revision, or leave it out for the newest"
        except errors.RepositoryNotFoundError:
            problem = (
                "is not on the hub, or is private: correct task.hub.name, or log in with `hf auth login`"
            )
        except Exception as error:  # noqa: BLE001  the hub's HTTP library has many errors of its own
            problem = (
                f"is not cached and cannot be fetched ({one_line(error)}): go online once, or use task.files"
            )
        at = f" at revision {self.revision}" if self.revision else ""
        raise AbsentError(f"dataset {self.name}{at} {problem}")

    def _download(self, cached_only: bool) -> Path:
        from huggingface_hub import snapshot_download

        folder = snapshot_download(
            self.name, repo_type="dataset", revision=self.revision, local_files_only=cached_only
        )
        return Path(str(folder))
