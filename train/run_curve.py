"""A long series of numbers, one for each step, kept short enough to be drawn."""

from __future__ import annotations

from typing import Final

POINTS: Final = 1024


class Curve:
    """Means over equal stretches of steps.

    A stretch is one step long until there are more than ``limit`` of them; then neighbours are
    joined and it is twice as long. So a run of any length costs the same to keep and to draw.
    """

    def __init__(self, limit: int = POINTS) -> None:
        self._limit = limit
        self._stretch = 1
        self._points: list[tuple[int, float, int]] = []  # last step, sum, count

    def add(self, step: int, value: float) -> None:
        """Add the value of a step; steps ascend."""
        if self._points and step // self._stretch == self._points[-1][0] // self._stretch:
            _, total, count = self._points[-1]
            self._points[-1] = (step, total + value, count + 1)
        else:
            self._points.append((step, value, 1))
            if len(self._points) > self._limit:
                self._join()

    def back_to(self, step: int) -> None:
        """Forget what came after a step: a resumed run takes those steps again."""
        while self._points and self._points[-1][0] > step:
            self._points.pop()

    def points(self) -> tuple[tuple[int, float], ...]:
        """Return (last step, mean value) of each stretch, in order."""
        return tuple((step, total / count) for step, total, count in self._points)

    def _join(self) -> None:
        self._stretch *= 2
        joined: list[tuple[int, float, int]] = []
        for step, total, count in self._points:
            if joined and joined[-1][0] // self._stretch == step // self._stretch:
                _, earlier, number = joined[-1]
                joined[-1] = (step, earlier + total, number + count)
            else:
                joined.append((step, total, count))
        self._points = joined
