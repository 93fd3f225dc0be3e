"""The definitions of many files, parsed in a process that may crash, hang or swallow memory.

Files are given to the worker in batches, the next one while it is busy with the one before, and the
answers come in the order of the files. When the worker dies or is late, the file at hand is to
blame: it gets no definitions and a reason, and a new worker goes on with those behind it.

The parent's end of a parsing worker: what is on its way there and back, and how it ended.
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
        command: the command line; for tests of parsers that fail.
    """

    seconds: float = 20.0
    memory: int = 2 << 30
    command: tuple[str, ...] = module_command("core.corpus.parsing_worker")


DEFAULT_PARSING: Final = Parsing()


class ParsingProcess:
    """One worker. Use as a context manager: at the end it is gone.

    Nothing here waits longer than it is told to, whatever the worker does: both pipes are read and
    written only when they are ready.
    """

    def __init__(self, parsing: Parsing) -> None:
        self._parsing = parsing
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        words = [*parsing.command, str(parsing.seconds), str(parsing.memory)]
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


BATCH_FILES: Final = 64
BATCH_CHARACTERS: Final = 1 << 22
_LOOK_AGAIN: Final = 0.1


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was looked at: its text, or None, and what was wrong with it."""

    path: str
    text: str | None
    language: str
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """The definitions of a file; none, with a ``failure``, when its parser did not come through."""

    definitions: Sequence[Definition] = ()
    failure: str = ""


NOTHING: Final = Outline()


@dataclass(slots=True)
class _Place:
    """A file in the row, and its outline once it is known."""

    file: ReadFile
    outline: Outline | None


class Outliner:
    """Outlines files one after the other. Use as a context manager: at the end no process is left.

    Args:
        parsing: limits of the worker. It is started for the first file that has a grammar.
        waiting: called some ten times a second with the path of the file at hand; what it raises
            ends the work.
    """

    def __init__(self, parsing: Parsing, waiting: Callable[[str], None]) -> None:
        self._parsing = parsing
        self._waiting = waiting
        self._process: ParsingProcess | None = None
        self._asked: deque[_Place] = deque()

    def __enter__(self) -> Self:
        """Return the outliner itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the worker."""
        self._end()

    def outlines(self, files: Iterable[ReadFile]) -> Iterator[tuple[ReadFile, Outline]]:
        """Yield each file with its outline, in their order.

        Raises:
            UnavailableError: no worker can be started.
        """
        row: deque[_Place] = deque()
        batch: list[_Place] = []
        files_read = characters = 0
        for file in files:
            place = _Place(file, None if _has_grammar(file) else NOTHING)
            row.append(place)
            if place.outline is None:
                self._started()
                batch.append(place)
            files_read += 1
            characters += len(file.text or "")
            if files_read >= BATCH_FILES or characters >= BATCH_CHARACTERS:
                self._ask(batch)
                batch, files_read, characters = [], 0, 0
            yield from _known(row)
        self._ask(batch)
        while self._asked:
            self._turn()
            yield from _known(row)
        yield from _known(row)

    def _ask(self, batch: Sequence[_Place]) -> None:
        """Give a batch to the worker, once it has no more than one other."""
        while len(self._asked) > BATCH_FILES:
            self._turn()
        if batch:
            self._give(batch, idle=not self._asked)
            self._asked.extend(batch)
        while self._process is not None and self._process.sending:
            self._turn()

    def _give(self, places: Iterable[_Place], *, idle: bool) -> None:
        files = [(each.file.language, each.file.text or "") for each in places]
        self._started().give(files, idle=idle)

    def _turn(self) -> None:
        self._waiting(self._asked[0].file.path if self._asked else "")
        process = self._started()
        for answer in process.turn(_LOOK_AGAIN):
            outline = _read_answer(answer, self._asked[0].file) if self._asked else None
            if outline is None:
                self._go_on_without("its parser answered what nobody can read")
                return
            self._asked.popleft().outline = outline
        if process.over or (self._asked and process.late):
            self._go_on_without(process.ending())

    def _go_on_without(self, failure: str) -> None:
        """Take the file at hand as one document, and ask a new worker for the others."""
        self._end()
        if self._asked:
            self._asked.popleft().outline = Outline(failure=failure)
        if self._asked:
            self._give(self._asked, idle=True)

    def _started(self) -> ParsingProcess:
        if self._process is None:
            self._process = ParsingProcess(self._parsing)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.__exit__()
            self._process = None


def _has_grammar(file: ReadFile) -> bool:
    return file.language in GRAMMARS and bool(file.text and file.text.strip())


def _known(row: deque[_Place]) -> Iterator[tuple[ReadFile, Outline]]:
    """Take from the row what has its outline, up to the first that has not."""
    while row and row[0].outline is not None:
        place = row.popleft()
        yield place.file, place.outline or NOTHING


def _read_answer(answer: bytes, file: ReadFile) -> Outline | None:
    """Return what an answer says, or None when it cannot be about that file.

    The worker is ours, but the parser in it has had its hands in hostile text.
    """
    rows = (file.text or "").count("\n") + 1
    try:
        found = [
            Definition(str(symbol), DocumentKind(kind), int(start), int(end))
            for symbol, kind, start, end in json.loads(answer)
        ]
    except (ValueError, TypeError):
        return None
    fits = all(0 <= each.start <= each.end < rows for each in found)
    return Outline(found) if fits else None
