"""Errors: every error of the project."""

from __future__ import annotations

from collections.abc import Iterable


class HeadstartError(Exception):
    """An error that the user can fix: one sentence with the place, the problem and what to do."""

    exit_code = 1


class ConfigError(HeadstartError):
    """The configuration cannot be run; carries one line per mistake."""

    exit_code = 2

    def __init__(self, lines: str | Iterable[str]) -> None:
        self.lines = (lines,) if isinstance(lines, str) else tuple(lines)
        super().__init__("\n".join(self.lines))


class DataError(HeadstartError):
    """The rows cannot be used: missing file or column, empty split, one class only, null cells."""


class AbsentError(DataError):
    """The rows are not on this machine."""


class WeightsError(HeadstartError):
    """Weights are missing, corrupt, of another shape, or do not match their digest."""


class RecordError(HeadstartError):
    """A record or a study folder cannot be read or written."""


class DamagedError(RecordError):
    """A file of a study is not what was written; the study's command makes it again."""


class ClaimError(HeadstartError):
    """Another process took over this run, because this one stood still too long."""


class UnfitError(ValueError):
    """A cell that does not fit its role. `{role}` in the message becomes the role of the column."""
