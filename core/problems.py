"""The problems of one import: the first few in memory, all of them in a file."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from core.records import Problem


SHOWN_LIMIT: Final = 100


class ProblemLog:
    """Collects problems in bounded memory. Use as a context manager.

    Args:
        file: gets all problems, a JSON object per line, once there are more than ``SHOWN_LIMIT``;
            an earlier file is replaced.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._opened: TextIO | None = None
        self._shown: list[Problem] = []
        self.total = 0

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened.close()

    def add(self, problem: Problem) -> None:
        """Record a problem."""
        self.total += 1
        if len(self._shown) < SHOWN_LIMIT:
            self._shown.append(problem)
            return
        if self._opened is None:
            self._opened = self._file.open("w", encoding="utf-8", errors="backslashreplace")
            for earlier in self._shown:
                self._write(earlier, self._opened)
        self._write(problem, self._opened)

    @property
    def shown(self) -> tuple[Problem, ...]:
        """The first ``SHOWN_LIMIT`` problems."""
        return tuple(self._shown)

    @property
    def report_file(self) -> str:
        """The file that lists all problems; empty when ``shown`` has them all."""
        return str(self._file) if self.total > SHOWN_LIMIT else ""

    @staticmethod
    def _write(problem: Problem, file: TextIO) -> None:
        file.write(json.dumps(asdict(problem), ensure_ascii=False) + "\n")
