"""A line of code too long to be measured at every paint, and its part in sight."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from rich.cells import cell_len

_STRETCH: Final = 256
#: Characters that are taken for a cell at the most: what has no width could go on for ever.
_CHARACTERS_A_CELL: Final = 4


class LongLine:
    """A line, measured once, stretch by stretch.

    Attributes:
        cells: how wide it is.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0]
        for start in range(0, len(text), _STRETCH):
            width = cell_len(text[start : start + _STRETCH])
            self._starts.append(self._starts[-1] + width)
        self.cells = self._starts[-1]

    def part(self, left: int, room: int) -> tuple[str, int]:
        """Return a piece of the line in which ``room`` cells from cell ``left`` on are.

        The second value is how many cells of the piece lie before ``left``.
        """
        stretch = max(0, bisect_right(self._starts, left) - 1)
        before = left - self._starts[stretch]
        start = stretch * _STRETCH
        return self._text[start : start + _STRETCH + _CHARACTERS_A_CELL * room], before
