"""The parent's end of a parsing worker: what is on its way there and back, and how it ended."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from core.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

_PIECE: Final = 1 << 16
#: More than the definitions of any file that an import takes.
_ANSWER_LIMIT: Final = 64 << 20
_START_SECONDS: Final = 120.0
_SAID_SHOWN: Final = 200
_OUT_OF_MEMORY: Final = (b"MemoryError", b"failed to allocate", b"bad_alloc")


@dataclass(frozen=True, slots=True)
class Parsing:
    """What parsing one file may cost.

    Attributes:
        seconds: how long one file may take.
        memory: bytes of address space that the process may have, where the platform has a limit.
        command: what the interpreter runs; for tests of parsers that fail.
    """

    seconds: float = 20.0
    memory: int = 2 << 30
    command: tuple[str, ...] = ("-m", "core.corpus.parsing_worker")


DEFAULT_PARSING: Final = Parsing()


class ParsingProcess:
    """One worker. Use as a context manager: at the end it is gone.

    Nothing here waits longer than it is told to, whatever the worker does: both pipes are read and
    written only when they are ready.
    """

    def __init__(self, parsing: Parsing) -> None:
        self._parsing = parsing
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        words = [sys.executable, "-P", *parsing.command, str(parsing.seconds), str(parsing.memory)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            self._said.close()
            raise _not_started(error.strerror or str(error)) from error
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        assert self._process.stdout is not None  # noqa: S101
        self._given, self._answers = self._process.stdin, self._process.stdout
        self._ready = selectors.DefaultSelector()
        for pipe in (self._given, self._answers):
            os.set_blocking(pipe.fileno(), False)
        self._ready.register(self._answers, selectors.EVENT_READ)
        self._unsent = memoryview(b"")
        self._unread = bytearray()
        self._has_line = False
        self._greeted = False
        self._over = False
        self._busy_since = time.monotonic()

    def __enter__(self) -> Self:
        """Return the process itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the process, if it still runs, and wait until it is gone."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()
        self._ready.close()
        for file in (self._given, self._answers, self._said):
            file.close()

    @property
    def sending(self) -> bool:
        """Whether a part of what was given is still on its way."""
        return bool(self._unsent)

    @property
    def over(self) -> bool:
        """Whether it answers no more."""
        return self._over

    @property
    def late(self) -> bool:
        """Whether the file at hand has taken longer than it may."""
        limit = self._parsing.seconds if self._greeted else _START_SECONDS
        return time.monotonic() - self._busy_since > limit

    def give(self, files: Sequence[tuple[str, str]], *, idle: bool) -> None:
        """Send files, a language and a text each; ``idle`` tells that it has no others.

        Nothing else may be on its way.
        """
        self._unsent = memoryview(json.dumps(files, separators=(",", ":")).encode() + b"\n")
        self._ready.register(self._given, selectors.EVENT_WRITE)
        if idle:
            self._busy_since = time.monotonic()

    def turn(self, seconds: float) -> list[bytes]:
        """Send and read what can be without waiting longer than ``seconds``; return the answers.

        Raises:
            UnavailableError: the process ended before it was ready.
        """
        for key, _ in self._ready.select(seconds):
            if key.fileobj is self._given:
                self._send()
            else:
                self._read()
        if self._over and not self._greeted:
            self.ending()
        *lines, rest = self._unread.split(b"\n") if self._has_line else (self._unread,)
        self._unread, self._has_line = rest, False
        self._over = self._over or len(rest) > _ANSWER_LIMIT
        if lines and not self._greeted:
            self._greeted = True
            del lines[0]
        return [bytes(line) for line in lines]

    def _send(self) -> None:
        try:
            sent = os.write(self._given.fileno(), self._unsent[:_PIECE])
        except BlockingIOError:
            return
        except BrokenPipeError:
            sent = len(self._unsent)  # its other pipe tells that it is over
        self._unsent = self._unsent[sent:]
        self._busy_since = time.monotonic()
        if not self._unsent:
            self._ready.unregister(self._given)

    def _read(self) -> None:
        piece = os.read(self._answers.fileno(), _PIECE)
        self._unread += piece
        self._has_line = b"\n" in piece
        self._busy_since = time.monotonic()
        self._over = not piece

    def ending(self) -> str:
        """Return what happened to the file at hand. The process is made to end if it has not.

        Raises:
            UnavailableError: it never was ready.
        """
        in_time = self._over
        if not in_time:
            self._process.kill()
        status, most_memory = self._wait()
        reason = self._reason(status, most_memory)
        if not self._greeted:
            raise _not_started(reason)
        if not in_time or status == -signal.SIGALRM:
            return f"its parser took longer than {self._parsing.seconds:g} seconds"
        return reason

    def _wait(self) -> tuple[int, int]:
        """Return how the process ended, and the bytes of memory that it had at the most."""
        _, status, used = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        unit = 1 if sys.platform == "darwin" else 1024
        return self._process.returncode, used.ru_maxrss * unit

    def _reason(self, status: int, most_memory: int) -> str:
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - 10 * _SAID_SHOWN))
        said = self._said.read()
        # A parser that gets no memory may use what it did not get, which looks like any crash.
        starved = status < 0 and most_memory > self._parsing.memory // 2
        if starved or any(each in said for each in _OUT_OF_MEMORY):
            return f"its parser needed more than {self._parsing.memory >> 20:,} MiB of memory"
        if status < 0:
            return f"its parser crashed ({_signal_name(-status)})"
        last = said.decode("utf-8", "replace").strip().rpartition("\n")[2][:_SAID_SHOWN]
        return f"its parser failed ({last or f'status {status}'})"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _not_started(reason: str) -> UnavailableError:
    return UnavailableError(
        f"the parser of source files cannot be started: {reason}",
        where=sys.executable,
        todo="See what this installation lacks with: rejudge doctor",
    )
