"""A progress bar on stderr for commands that take time; stdout is left to the answer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from core.text import displayable_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.records import Progress


@contextmanager
def progress_line() -> Iterator[Callable[[Progress], None]]:
    """Give a function that shows how far the work is; without a terminal it shows nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    task = bars.add_task("", total=None)

    def show(progress: Progress) -> None:
        bars.update(
            task,
            completed=progress.done,
            total=progress.total,
            description=displayable_line(progress.note),
        )

    if not bars.console.is_terminal:
        yield lambda _: None
        return
    with bars:
        yield show
