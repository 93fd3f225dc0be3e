"""A program in a pseudo-terminal: keys go in, what it paints is looked at as it comes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from benchmarks.measuring import Usage, process_cpu, reaped

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS: Final = 120
ROWS: Final = 40
PATIENCE: Final = 60.0

#: CSI, OSC and the two-character escape sequences (ECMA-48).
_ESCAPES: Final = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])"
)
_CHUNK: Final = 1 << 16


class Terminal:
    """A child process whose terminal this is. Use as a context manager; leaving kills the child."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        """Start a command; its first word is the path of the program."""
        self._began = time.perf_counter()
        self._usage: Usage | None = None
        self._seen = b""
        self.pid, self._pty = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            for name in ("COLUMNS", "LINES", "NO_COLOR", "TEXTUAL"):
                environment.pop(name, None)
            environment["PYTHONPATH"] = str(Path(__file__).parents[1])
            os.execve(command[0], list(command), environment)  # noqa: S606

    def __enter__(self) -> Self:
        """Return the terminal itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the child if it still runs."""
        self.kill()
        os.close(self._pty)

    def press(self, keys: str) -> None:
        """Send keys; what was painted before is forgotten."""
        self._seen = b""
        os.write(self._pty, keys.encode())

    def wait_for(self, text: str) -> None:
        """Return once the text has been painted since the last key.

        Raises:
            TimeoutError: it was not painted in a minute, or the program ended.
        """
        wanted = text.encode()
        until = time.monotonic() + PATIENCE
        while wanted not in _ESCAPES.sub(b"", self._seen):
            if not self._read(until - time.monotonic()):
                shown = _ESCAPES.sub(b" ", self._seen)[-2000:].decode(errors="replace")
                raise TimeoutError(f"{text!r} was never painted; seen last: {shown}")

    def settle(self, seconds: float) -> None:
        """Read on for some time, so that the work which follows a paint is done too."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._read(left)

    @property
    def cpu(self) -> float:
        """CPU time that the child has used so far, in seconds."""
        return process_cpu(self.pid)

    def kill(self) -> Usage:
        """End the child where it stands and return what it and its own children used."""
        if self._usage is None:
            os.kill(self.pid, signal.SIGKILL)
            self._usage = reaped(self.pid, self._began)
        return self._usage

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._pty], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self._pty, _CHUNK)
        except OSError:  # Linux says so when the child has closed its end
            return False
        self._seen += data
        return bool(data)
