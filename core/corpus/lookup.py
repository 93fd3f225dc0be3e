"""Find documents of the corpus by path and symbol, as imported pairs name them."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from core.store.tables import documents_by_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from core.records import Document
    from core.store.database import Store

_SEPARATOR: Final = re.compile(r"::|\.|#(?!\d+$)")
_NUMBER: Final = re.compile(r"#\d+$")


def find_documents(
    store: Store, places: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Document]:
    """Return the corpus documents at these places; an unknown place is absent from the result.

    Args:
        store: an open store.
        places: pairs of a path and a symbol. Paths are relative to the corpus folder; a leading
            ``./`` and backslashes are accepted. A symbol is a document's own, or the last parts of
            exactly one symbol in that file: ``bar`` or ``Foo.bar`` for ``Foo::bar``. An empty
            symbol means the file's own document: the whole file, or its module document.
    """
    paths = {path: path.replace("\\", "/").removeprefix("./") for path, _ in places}
    known = _symbols(store, set(paths.values()))
    found: dict[tuple[str, str], UUID] = {}
    for path, symbol in places:
        identifier = _find(known.get(paths[path], {}), symbol)
        if identifier is not None:
            found[path, symbol] = identifier
    documents = documents_by_id(store, list(set(found.values())))
    return {place: documents[key] for place, key in found.items() if key in documents}


def _symbols(store: Store, paths: Iterable[str]) -> dict[str, dict[str, UUID]]:
    """Return the ids of the documents by path and symbol."""
    rows = store.read(
        "SELECT path, symbol, id FROM db.documents"
        " WHERE in_corpus AND path IN (SELECT unnest(CAST($1 AS VARCHAR[])))",
        [list(paths)],
    )
    known: dict[str, dict[str, UUID]] = defaultdict(dict)
    for path, symbol, identifier in rows:
        known[path][symbol] = identifier
    return known


def _find(known: Mapping[str, UUID], symbol: str) -> UUID | None:
    if symbol in known or not symbol:
        return known.get(symbol)
    wanted = _parts(symbol)
    ending = [name for name in known if _parts(name)[-len(wanted) :] == wanted]
    return known[ending[0]] if len(ending) == 1 else None


def _parts(symbol: str) -> list[str]:
    return _SEPARATOR.split(_NUMBER.sub("", symbol))
