"""What a command is called with and how it answers: JSON or lines, progress, notices."""

from __future__ import annotations

import codecs
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from core.text import displayable, displayable_line
from core.workspace import Workspace, find_workspace, given_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from core.records import Progress
    from core.store.database import Store

Result = TypeVar("Result")

EXIT_DONE: Final = 0
#: Some input was skipped, or a check failed.
EXIT_INCOMPLETE: Final = 1
EXIT_USER_ERROR: Final = 2
EXIT_INTERRUPTED: Final = 130

_ESCAPED: Final = "rejudge.escaped"


@dataclass(frozen=True, slots=True)
class Call:
    """The options that every command takes.

    Attributes:
        folder: the folder to work in; empty: the nearest with a workspace, from here upwards.
        store: the url of a team's store, or ``file``; empty: as the settings say.
        json: whether to answer with one JSON document.
    """

    folder: str = ""
    store: str = ""
    json: bool = False

    def with_options(self, folder: str, store: str, *, json: bool) -> Call:
        """Return the call with the options that were given; the others stay as they are."""
        return Call(folder or self.folder, store or self.store, json or self.json)

    def find_workspace(self) -> Workspace:
        """Return the workspace that is asked for, whether it exists or not."""
        if self.folder:
            return Workspace(given_path(self.folder).absolute(), self.store)
        return find_workspace(Path.cwd(), self.store)

    def workspace(self) -> Workspace:
        """Return the workspace that is asked for.

        Raises:
            WorkspaceError: there is none.
        """
        workspace = self.find_workspace()
        workspace.require()
        return workspace

    def answer(self, document: Mapping[str, object], lines: Iterable[str]) -> None:
        """Print the document with ``--json``, else the lines, made safe for the terminal."""
        if self.json:
            print_json(document)
            return
        for line in lines:
            print(displayable(line))

    @contextmanager
    def progress(self, event: str) -> Iterator[Callable[[Progress], None]]:
        """Give a function that shows progress: JSON events of this name, or a bar."""
        if self.json:
            yield progress_events(event)
            return
        with progress_bar() as show:
            yield show


def print_json(document: Mapping[str, object]) -> None:
    """Print a JSON document on a line of its own, at once."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    # Half of a surrogate pair, as in a path that is not UTF-8, is escaped as JSON does it.
    print(text.encode("utf-8", "backslashreplace").decode(), flush=True)


def notice(text: str) -> None:
    """Print a line on stderr, made safe for the terminal."""
    print(displayable_line(text), file=sys.stderr)


def open_to_read(workspace: Workspace) -> Store:
    """Open the store to read from it; say on stderr when it is a copy of an earlier state.

    Raises:
        StoreError: it cannot be opened; or another process has it, and there is no backup yet.
    """
    from core.store.read_only import open_for_reading

    store = open_for_reading(workspace)
    if store.read_only_copy is not None:
        notice(f"rejudge: {store.read_only_copy.notice}")
    return store


def run_interruptible(work: Callable[[Callable[[], bool]], Result]) -> Result:
    """Run work in a thread; Ctrl-C asks it to stop, and it finishes what it has in hand.

    Args:
        work: takes the function that tells it whether to stop.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(1, "rejudge-work") as thread:
        job = thread.submit(work, stop.is_set)
        try:
            return job.result()
        except KeyboardInterrupt:
            stop.set()
            return job.result()


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None]]:
    """Give a function that shows progress on stderr; without a terminal it shows nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
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

    with bars:
        yield show


def progress_events(event: str) -> Callable[[Progress], None]:
    """Return a function that prints progress as JSON lines: one per percent and per kind of work.

    Where the total is not known yet it prints every step.
    """
    last: tuple[str, int | None, int] | None = None

    def show(progress: Progress) -> None:
        nonlocal last
        done, total = progress.done, progress.total
        now = (progress.note, total, 100 * done // total if total else done)
        if now != last:
            last = now
            print_json({"event": event, "doing": progress.note, "done": done, "total": total})

    return show


def escape_unencodable() -> None:
    r"""Have stdout and stderr write ``\u00e9`` for what their encoding cannot hold.

    That is the escape of JSON, so that JSON stays JSON in a terminal that is not UTF-8.
    """
    codecs.register_error(_ESCAPED, _json_escapes)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ESCAPED)


def _json_escapes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unfit = error.object[error.start : error.end]
    units = unfit.encode("utf-16-be", "surrogatepass")
    pairs = (units[at : at + 2].hex() for at in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.end
