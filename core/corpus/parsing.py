"""Parse many files in a worker process that may crash, hang or run out of memory.

Files go to the worker in batches, the next one while it works on the one before, and the outlines
come back in the order of the files. When the worker dies or is late, the current file is to blame:
it gets no definitions and a reason, and a new worker continues with the files after it.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from core.corpus.definitions import Definition
from core.corpus.grammars import GRAMMARS
from core.errors import UnavailableError
from core.processes import module_command
from core.records import DocumentKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from core.records import Problem


BATCH_FILES: Final = 64
BATCH_CHARACTERS: Final = 1 << 22
_POLL_SECONDS: Final = 0.1
_PIPE_BYTES: Final = 1 << 16
#: More than the definitions of any file that an import accepts.
_ANSWER_LIMIT: Final = 64 << 20
_START_SECONDS: Final = 120.0
_STDERR_SHOWN: Final = 200
_OUT_OF_MEMORY: Final = (b"MemoryError", b"failed to allocate", b"bad_alloc")


@dataclass(frozen=True, slots=True)
class ParsingLimits:
    """What parsing a file may cost.

    Attributes:
        seconds: the time for one file.
        memory: bytes of address space for the process, on platforms that can limit it.
        command: the command line of the worker; tests replace it.
    """

    seconds: float = 20.0
    memory: int = 2 << 30
    command: tuple[str, ...] = module_command("core.corpus.parsing_worker")


DEFAULT_LIMITS: Final = ParsingLimits()


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read: its text, None if it was skipped, and what was wrong with it."""

    path: str
    text: str | None
    language: str
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """The definitions of a file; none, and a ``failure``, if its parser failed."""

    definitions: Sequence[Definition] = ()
    failure: str = ""


_EMPTY: Final = Outline()


@dataclass(slots=True)
class _Slot:
    """A file in the queue, and its outline once that is known."""

    file: ReadFile
    outline: Outline | None


class Outliner:
    """Outlines a sequence of files. Use as a context manager: no process is left at the end.

    Args:
        limits: of the worker, which is started for the first file that has a grammar.
        waiting: called about ten times a second with the path of the current file; it may raise
            to cancel.
    """

    def __init__(self, limits: ParsingLimits, waiting: Callable[[str], None]) -> None:
        self._limits = limits
        self._waiting = waiting
        self._process: ParsingProcess | None = None
        self._pending: deque[_Slot] = deque()

    def __enter__(self) -> Self:
        """Return the outliner itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the worker process."""
        self._end()

    def outlines(self, files: Iterable[ReadFile]) -> Iterator[tuple[ReadFile, Outline]]:
        """Yield each file with its outline, in the order given.

        Raises:
            UnavailableError: the worker cannot be started.
        """
        queue: deque[_Slot] = deque()
        batch: list[_Slot] = []
        files_read = characters = 0
        for file in files:
            slot = _Slot(file, None if _has_grammar(file) else _EMPTY)
            queue.append(slot)
            if slot.outline is None:
                self._running_process()
                batch.append(slot)
            files_read += 1
            characters += len(file.text or "")
            if files_read >= BATCH_FILES or characters >= BATCH_CHARACTERS:
                self._submit(batch)
                batch, files_read, characters = [], 0, 0
            yield from _finished(queue)
        self._submit(batch)
        while self._pending:
            self._exchange()
            yield from _finished(queue)
        yield from _finished(queue)

    def _submit(self, batch: Sequence[_Slot]) -> None:
        """Send a batch to the worker, once it has at most one other."""
        while len(self._pending) > BATCH_FILES:
            self._exchange()
        if batch:
            self._send(batch, idle=not self._pending)
            self._pending.extend(batch)
        while self._process is not None and self._process.sending:
            self._exchange()

    def _send(self, slots: Iterable[_Slot], *, idle: bool) -> None:
        files = [(slot.file.language, slot.file.text or "") for slot in slots]
        self._running_process().send(files, idle=idle)

    def _exchange(self) -> None:
        self._waiting(self._pending[0].file.path if self._pending else "")
        process = self._running_process()
        for answer in process.exchange(_POLL_SECONDS):
            outline = _outline_of_answer(answer, self._pending[0].file) if self._pending else None
            if outline is None:
                self._fail_current("its parser gave an unreadable answer")
                return
            self._pending.popleft().outline = outline
        if process.ended or (self._pending and process.late):
            self._fail_current(process.failure())

    def _fail_current(self, failure: str) -> None:
        """Take the current file as one document, and send the others to a new worker."""
        self._end()
        if self._pending:
            self._pending.popleft().outline = Outline(failure=failure)
        if self._pending:
            self._send(self._pending, idle=True)

    def _running_process(self) -> ParsingProcess:
        if self._process is None:
            self._process = ParsingProcess(self._limits)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.__exit__()
            self._process = None


def _has_grammar(file: ReadFile) -> bool:
    return file.language in GRAMMARS and bool(file.text and file.text.strip())


def _finished(queue: deque[_Slot]) -> Iterator[tuple[ReadFile, Outline]]:
    """Take the files at the head of the queue whose outlines are known."""
    while queue and queue[0].outline is not None:
        slot = queue.popleft()
        yield slot.file, slot.outline or _EMPTY


def _outline_of_answer(answer: bytes, file: ReadFile) -> Outline | None:
    """Return the outline in an answer; None if it cannot be about that file.

    The worker is ours, but its parser has read hostile text.
    """
    rows = (file.text or "").count("\n") + 1
    try:
        found = [
            Definition(str(symbol), DocumentKind(kind), int(start), int(end))
            for symbol, kind, start, end in json.loads(answer)
        ]
    except (ValueError, TypeError):
        return None
    fits = all(0 <= definition.start <= definition.end < rows for definition in found)
    return Outline(found) if fits else None


class ParsingProcess:
    """The parent's side of a worker. Use as a context manager: the worker is gone at the end.

    Nothing here blocks, whatever the worker does: both pipes are read and written only when ready.
    """

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        command = [*limits.command, str(limits.seconds), str(limits.memory)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            self._stderr.close()
            raise _not_started(error.strerror or str(error)) from error
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        assert self._process.stdout is not None  # noqa: S101
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._selector = selectors.DefaultSelector()
        for pipe in (self._requests, self._answers):
            os.set_blocking(pipe.fileno(), False)
        self._selector.register(self._answers, selectors.EVENT_READ)
        self._unsent = memoryview(b"")
        self._unread = bytearray()
        self._has_line = False
        self._ready = False
        self._ended = False
        self._busy_since = time.monotonic()

    def __enter__(self) -> Self:
        """Return the process itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the process if it still runs, and wait for its end."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()
        self._selector.close()
        for file in (self._requests, self._answers, self._stderr):
            file.close()

    @property
    def sending(self) -> bool:
        """Whether a part of the last batch still has to be written."""
        return bool(self._unsent)

    @property
    def ended(self) -> bool:
        """Whether no more answers will come."""
        return self._ended

    @property
    def late(self) -> bool:
        """Whether the current file has exceeded its time."""
        limit = self._limits.seconds if self._ready else _START_SECONDS
        return time.monotonic() - self._busy_since > limit

    def send(self, files: Sequence[tuple[str, str]], *, idle: bool) -> None:
        """Start sending a batch of files, each a language and a text.

        Args:
            files: the batch; nothing may be left of the one before, see ``sending``.
            idle: the worker has no other files, so the time of the first one starts now.
        """
        self._unsent = memoryview(json.dumps(files, separators=(",", ":")).encode() + b"\n")
        self._selector.register(self._requests, selectors.EVENT_WRITE)
        if idle:
            self._busy_since = time.monotonic()

    def exchange(self, seconds: float) -> list[bytes]:
        """Write and read what is possible within ``seconds``, and return the answers read.

        Raises:
            UnavailableError: the process ended before it was ready.
        """
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._requests:
                self._write()
            else:
                self._read()
        if self._ended and not self._ready:
            self.failure()
        *lines, rest = self._unread.split(b"\n") if self._has_line else (self._unread,)
        self._unread, self._has_line = rest, False
        self._ended = self._ended or len(rest) > _ANSWER_LIMIT
        if lines and not self._ready:
            self._ready = True
            del lines[0]
        return [bytes(line) for line in lines]

    def _write(self) -> None:
        try:
            sent = os.write(self._requests.fileno(), self._unsent[:_PIPE_BYTES])
        except BlockingIOError:
            return
        except BrokenPipeError:
            sent = len(self._unsent)  # the other pipe will report the end
        self._unsent = self._unsent[sent:]
        self._busy_since = time.monotonic()
        if not self._unsent:
            self._selector.unregister(self._requests)

    def _read(self) -> None:
        piece = os.read(self._answers.fileno(), _PIPE_BYTES)
        self._unread += piece
        self._has_line = b"\n" in piece
        self._busy_since = time.monotonic()
        self._ended = not piece

    def failure(self) -> str:
        """End the process if it has not ended, and return what happened to the current file.

        Raises:
            UnavailableError: the process was never ready.
        """
        in_time = self._ended
        if not in_time:
            self._process.kill()
        status, peak_memory = self._wait()
        reason = self._reason(status, peak_memory)
        if not self._ready:
            raise _not_started(reason)
        if not in_time or status == -signal.SIGALRM:
            return f"its parser took longer than {self._limits.seconds:g} seconds"
        return reason

    def _wait(self) -> tuple[int, int]:
        """Return the exit status and the peak memory in bytes."""
        _, status, used = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        unit = 1 if sys.platform == "darwin" else 1024
        return self._process.returncode, used.ru_maxrss * unit

    def _reason(self, status: int, peak_memory: int) -> str:
        self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - 10 * _STDERR_SHOWN))
        stderr = self._stderr.read()
        # A parser that is refused memory may use the null pointer, which looks like any crash.
        starved = status < 0 and peak_memory > self._limits.memory // 2
        if starved or any(sign in stderr for sign in _OUT_OF_MEMORY):
            return f"its parser needed more than {self._limits.memory >> 20:,} MiB of memory"
        if status < 0:
            return f"its parser crashed ({_signal_name(-status)})"
        last = stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:_STDERR_SHOWN]
        return f"its parser failed ({last or f'status {status}'})"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _not_started(reason: str) -> UnavailableError:
    return UnavailableError(
        f"the parser of source files could not be started: {reason}",
        where=sys.executable,
        todo="Check this installation with: rejudge doctor",
    )
