"""One run of a search program: no shell, a time limit, a limit on what it may print."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

MOST_PRINTED: Final = 64 << 20
_STDERR_SHOWN: Final = 300
_LOOKS_A_SECOND: Final = 20


@dataclass(frozen=True, slots=True)
class Program:
    """A program to be run with words of arguments.

    ``seconds`` is how long one run may take; ``check`` is called while it runs and may raise to
    stop it.
    """

    seconds: float
    check: Callable[[], None]

    def output(self, words: Sequence[str], place: str) -> bytes:
        """Run the words and return what was printed on standard output.

        Raises:
            InputError: it cannot be started, fails, hangs or prints without end.
        """
        with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors:
            process = _started(words, place, printed, errors)
            try:
                self._wait(process, printed, place)
            finally:
                _end(process)
            if process.returncode:
                raise _failed(process.returncode, errors, place)
            printed.seek(0)
            return printed.read()

    def _wait(self, process: subprocess.Popen[bytes], printed: IO[bytes], place: str) -> None:
        limit = time.monotonic() + self.seconds
        while True:
            try:
                process.wait(1 / _LOOKS_A_SECOND)
            except subprocess.TimeoutExpired:
                self.check()
            else:
                self._refuse_much(printed, place)
                return
            self._refuse_much(printed, place)
            if time.monotonic() >= limit:
                raise InputError(
                    f"the search program did not answer within {self.seconds:g} seconds",
                    where=place,
                    todo="Give it more time with --timeout SECONDS, or mend it.",
                )

    @staticmethod
    def _refuse_much(printed: IO[bytes], place: str) -> None:
        if os.fstat(printed.fileno()).st_size > MOST_PRINTED:
            raise InputError(
                f"the search program printed more than {MOST_PRINTED >> 20} MiB",
                where=place,
                todo="It has to print one JSON reply for each query.",
            )


def _started(
    words: Sequence[str], place: str, printed: IO[bytes], errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - the person's own program, words and no shell
            words,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=errors,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(
            f"the search program cannot be started: {reason}",
            where=place,
            todo="Check the words after --command; the first is the program.",
        ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the program, if it still runs, and what it started."""
    if process.returncode is not None:
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def _failed(status: int, errors: IO[bytes], place: str) -> InputError:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _STDERR_SHOWN))
    said = " ".join(errors.read().decode("utf-8", "replace").split())
    ended = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
    return InputError(
        f"the search program {ended}" + (f"; it said: {said}" if said else ""),
        where=place,
        todo="Run it by hand with that query; nothing of this eval was kept.",
    )
