"""The one error that a person can cause, and its kinds.

Every message has three parts, so that screens and the command line can lay them out alike: what
happened, where (a file, a line, a table), and what to do next.
"""

from __future__ import annotations


class RejudgeError(Exception):
    """Something the person can mend.

    Args:
        what: what happened, a clause without a full stop.
        where: the place: ``file.jsonl:12``, a folder, a url. Empty when there is none.
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
    """A file, a folder or an argument that cannot be used."""


class WorkspaceError(RejudgeError):
    """The workspace is absent, unwritable or not ours."""


class StoreError(RejudgeError):
    """The database cannot be opened, read or written."""


class StoreLockedError(StoreError):
    """Another process owns the database file."""


class StoreUnreachableError(StoreError):
    """The server that holds the team's store does not answer."""


class StoreConflictError(StoreError):
    """Two people wrote the same thing at the same moment; this one is to try again."""


class StoreDamagedError(StoreError):
    """The database file is cut short, overwritten or gone."""


class JudgeError(RejudgeError):
    """A judge cannot be used at all: no key, no server, a model that is not there."""


class UnavailableError(RejudgeError):
    """A part of rejudge that this machine cannot run, such as training without MLX."""


class CancelledError(RejudgeError):
    """A long job was stopped on request before its end; what it was to change is as it was."""
