"""The definitions of many files, parsed in a process that may crash, hang or swallow memory.

Files are given to the worker in batches, the next one while it is busy with the one before, and the
answers come in the order of the files. When the worker dies or is late, the file at hand is to
blame: it gets no definitions and a reason, and a new worker goes on with those behind it.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from core.corpus.grammars import GRAMMARS
from core.corpus.outline import Definition
from core.corpus.parsing_process import Parsing, ParsingProcess
from core.records import DocumentKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from core.records import Problem

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
