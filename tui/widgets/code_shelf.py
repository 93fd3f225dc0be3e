"""Documents made ready to be shown, the next ones ahead of time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from tui.widgets.code_text import CodeText

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from core.records import Document

#: Lines that a tall terminal shows.
SCREENFUL: Final = 80
_KEPT: Final = 32


class CodeShelf:
    """Keeps the code of the last and next few documents. Safe to use from several threads."""

    def __init__(self, submit: Callable[[Callable[[], object]], None]) -> None:
        self._submit = submit
        self._changing = threading.Lock()
        self._kept: OrderedDict[UUID, CodeText] = OrderedDict()

    def take(self, document: Document) -> CodeText:
        """Return the code of a document, made now if it was not made ahead."""
        code = self._kept.get(document.id)
        if code is None:
            fresh = CodeText(document.text, document.language)
            with self._changing:
                code = self._kept.setdefault(document.id, fresh)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return code

    def ready(self, document: Document, lines: int = SCREENFUL) -> None:
        """Make a document and colour its first ``lines``; for use in a thread."""
        self.take(document).lex(lines)

    def prepare(self, documents: Iterable[Document], lines: int = SCREENFUL) -> None:
        """Make these documents ready in the background."""
        wanted = [document for document in documents if document.id not in self._kept]
        if wanted:
            self._submit(lambda: self._ready_all(wanted, lines))

    def _ready_all(self, documents: Iterable[Document], lines: int) -> None:
        for document in documents:
            self.ready(document, lines)
