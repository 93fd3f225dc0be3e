"""A program whose terminal is ours: its bytes are read raw, its window is changed and closed."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable

HOUSE: Final = Path(__file__).parents[2]
PATIENCE: Final = 600.0


class PseudoTerminal:
    """Runs a module of the tests in a terminal. Use as a context manager; leaving kills it.

    The module's first act is ``own_terminal``.

    Attributes:
        written: every byte that the program wrote so far.
    """

    def __init__(self, module: str, *words: str, size: tuple[int, int] = (150, 45)) -> None:
        self.written = b""
        self._master: int | None
        self._master, slave = os.openpty()
        self.resize(*size)
        kept = {name: text for name, text in os.environ.items() if name not in _NOT_HANDED_ON}
        self.program = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *words],
            cwd=HOUSE,
            env=kept
            | {"PYTHONPATH": str(HOUSE), "TERM": "xterm-256color", "REJUDGE_ANNOTATOR": "ada"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size; the program is told by SIGWINCH."""
        assert self._master is not None
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str) -> None:
        """Send keys."""
        assert self._master is not None
        os.write(self._master, keys.encode())

    def read_until(self, reached: Callable[[], bool]) -> None:
        """Read on until something is true."""
        until = time.monotonic() + PATIENCE
        while not reached():
            if not self._read(0.05):
                assert self.program.poll() is None or reached(), self.written[-3000:]
            assert time.monotonic() < until, self.written[-3000:]

    def read_to_end(self) -> int:
        """Read all that the program writes until it ends, and return its exit status."""
        self.read_until(lambda: self.program.poll() is not None)
        while self._read(0):
            pass
        return self.program.wait(PATIENCE)

    def close(self) -> None:
        """Close the terminal, as a window that is shut or a line that is dropped does."""
        if self._master is not None:
            os.close(self._master)
            self._master = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.kill()
        self.program.wait(PATIENCE)
        self.close()

    def _read(self, seconds: float) -> bool:
        assert self._master is not None
        ready, _, _ = select.select([self._master], [], [], seconds)
        try:
            read = os.read(self._master, 1 << 16) if ready else b""
        except OSError:  # Linux says so when the program has closed its end
            read = b""
        self.written += read
        return bool(read)


_NOT_HANDED_ON: Final = {"COLUMNS", "LINES", "NO_COLOR", "TEXTUAL", "REJUDGE_STORE"}


def own_terminal() -> None:
    """Make the terminal on stdin that of this process, so that its end is told by SIGHUP."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
