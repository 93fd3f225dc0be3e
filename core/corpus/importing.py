"""A folder of code into the store, as the corpus of the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from core.records import ImportReport, Progress
    from core.store import Store

DEFAULT_SIZE_LIMIT: Final = 2_000_000


def import_corpus(
    store: Store,
    folder: Path,
    *,
    exclude: Sequence[str] = (),
    size_limit: int = DEFAULT_SIZE_LIMIT,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ImportReport:
    """Make the documents of ``folder`` the corpus of the workspace.

    The workspace has one corpus: documents that this folder does not have leave it. One that a
    pair refers to stays in the store, out of the corpus; any other is deleted. Nothing is changed
    before the whole folder has been read, and then everything at once.

    Args:
        store: an open store.
        folder: the folder to read; ``.gitignore`` files in it and above it are respected.
        exclude: further patterns in the notation of ``.gitignore``, relative to ``folder``.
        size_limit: a larger file is skipped and named as a problem, in bytes.
        progress: called with the files done and their total, some times a second at the most.
        cancelled: asked before each file; once it is true, the import stops.

    Returns:
        Counts of documents: ``read`` are all that the folder has, each of them ``added`` (a new
        place), ``updated`` (a known place with a new text) or ``unchanged``; ``removed`` places
        are gone. ``skipped`` counts files, each named among ``problems``.

    Raises:
        InputError: the folder is absent, is no folder, or cannot be read.
        CancelledError: ``cancelled`` said so; the store is as it was.
        StoreError: the database refused; the store is as it was.
    """
    raise NotImplementedError
