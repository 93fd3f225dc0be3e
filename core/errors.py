"""The errors that a person can cause.

A message has three parts, which screens and the command line lay out alike: what happened, where
(a file, a line, a table), and what to do next.
"""

from __future__ import annotations


class RejudgeError(Exception):
    """Something that the person can fix.

    Args:
        what: what happened, a clause without a full stop.
        where: the place: ``file.jsonl:12``, a folder, a url. Empty if there is none.
        todo: what to do next, a sentence.
    """

    def __init__(self, what: str, *, where: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.todo = todo

    def __str__(self) -> str:
        """Return the whole message on one line."""
        return " ".join(part for part in (self.headline + ".", self.todo) if part)

    @property
    def headline(self) -> str:
        """What happened and where, without a full stop."""
        return f"{self.what} ({self.where})" if self.where else self.what


class InputError(RejudgeError):
    """A file, folder or argument cannot be used."""


class WorkspaceError(RejudgeError):
    """The workspace is absent or cannot be read or written."""


class StoreError(RejudgeError):
    """The database cannot be opened, read or written."""


class StoreLockedError(StoreError):
    """Another process has the database file open."""


class StoreUnreachableError(StoreError):
    """The server that holds the team's store does not answer."""


class StoreConflictError(StoreError):
    """Two people changed the same data at the same moment; trying again may work."""


class StoreDamagedError(StoreError):
    """The database file is cut short, overwritten or missing."""


class JudgeError(RejudgeError):
    """A judge cannot be used at all: no key, no server, an unknown model."""


class UnavailableError(RejudgeError):
    """This machine cannot run a part of rejudge, such as training without MLX."""


class CancelledError(RejudgeError):
    """A long job was cancelled."""
