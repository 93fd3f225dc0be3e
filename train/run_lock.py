"""One worker for a run at a time."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

from core.errors import InputError, RejudgeError

if TYPE_CHECKING:
    from types import TracebackType

    from train.run_folder import RunFolder

_TRIES: Final = 10
_PAUSE: Final = 0.02


class RunLockedError(RejudgeError):
    """Another worker has the run."""


class RunLock:
    """Holds ``worker.lock``, as a context, and writes the process id into it.

    The system lets go of it when the process ends, however it ends.

    Raises:
        RunLockedError: another worker holds it.
        InputError: the folder is absent or cannot be written.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._file = -1

    def __enter__(self) -> None:
        """Take the lock."""
        path = self._folder.lock
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise InputError(
                f"cannot write to this run's folder: {error.strerror}", where=str(path.parent)
            ) from error
        if not self._taken():
            holder = os.pread(self._file, 32, 0).decode(errors="replace").strip()
            os.close(self._file)
            raise RunLockedError(
                f"this run has a worker already, process {holder}",
                where=str(path.parent),
                todo="Wait for it or stop it first.",
            )
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of it."""
        os.close(self._file)

    def _taken(self) -> bool:
        # Whoever looks whether there is a worker holds the lock for a moment.
        for _ in range(_TRIES):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_PAUSE)
            else:
                return True
        return False
