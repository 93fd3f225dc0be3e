"""The corpus of an eval: documents with their paths and text hashes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from core.errors import InputError
from eval.metrics import endings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import numpy as np
    from numpy.typing import NDArray

    from core.store.database import Store


@dataclass(frozen=True)
class Corpus:
    """The documents that can be found, in the order of their ids.

    Attributes:
        ids: ascending; the other sequences are in the same order.
        document_paths: a path may have several documents.
        texts: SHA-256 of the texts.
        sizes: lengths of the texts in characters.
    """

    ids: tuple[UUID, ...]
    document_paths: tuple[str, ...]
    texts: tuple[str, ...]
    sizes: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self.ids)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The paths, sorted, without duplicates."""
        return tuple(sorted(set(self.document_paths)))

    @cached_property
    def path_places(self) -> dict[str, int]:
        """The index of every path in ``paths``."""
        return {path: place for place, path in enumerate(self.paths)}

    @cached_property
    def by_path(self) -> NDArray[np.int64]:
        """Indices into ``ids``, sorted by path, then by id."""
        import numpy as np

        places = np.asarray([self.path_places[path] for path in self.document_paths])
        return np.argsort(places, kind="stable").astype(np.int64)

    @cached_property
    def path_starts(self) -> NDArray[np.int64]:
        """Where the documents of every path begin in ``by_path``."""
        import numpy as np

        places = [self.path_places[path] for path in self.document_paths]
        counts = np.bincount(places, minlength=len(self.paths))
        return np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)

    @cached_property
    def paths_by_ending(self) -> dict[str, tuple[str, ...]]:
        """The paths that equal or end with a path, by all paths and their endings."""
        found: dict[str, list[str]] = {}
        for path in self.paths:
            for ending in endings(path):
                found.setdefault(ending, []).append(path)
        return {ending: tuple(paths) for ending, paths in found.items()}

    @cached_property
    def text_holders(self) -> dict[str, UUID]:
        """A document with the text, by the text's hash."""
        return dict(zip(self.texts, self.ids, strict=True))

    @cached_property
    def texts_by_length(self) -> tuple[str, ...]:
        """The hashes of the texts without duplicates, longest text first.

        Texts of similar length waste the least padding when they are encoded together.
        """
        sizes = dict(zip(self.texts, self.sizes, strict=True))
        return tuple(sorted(sizes, key=lambda text: (-sizes[text], text)))

    @cached_property
    def hash(self) -> str:
        """The hex SHA-256 of the documents' ids, which stand for places and texts."""
        joined = "\n".join(str(identifier) for identifier in self.ids)
        return hashlib.sha256(joined.encode()).hexdigest()


def load_corpus(store: Store) -> Corpus:
    """Read the current corpus; its texts stay in the store.

    Raises:
        InputError: there is no corpus.
    """
    rows = store.read(
        "SELECT id, path, sha256(text), length(text) FROM db.documents WHERE in_corpus ORDER BY id"
    )
    if not rows:
        raise InputError(
            "there is no corpus to search",
            where=str(store.folder.parent),
            todo="Import one with: rejudge import corpus DIR",
        )
    return Corpus(*zip(*rows, strict=True))


def load_texts(store: Store, corpus: Corpus, hashes: Sequence[str]) -> dict[str, str]:
    """Return texts by their hashes."""
    holders = {corpus.text_holders[text]: text for text in hashes}
    rows = store.read(
        "SELECT id, text FROM db.documents WHERE id IN (SELECT unnest(CAST($1 AS UUID[])))",
        [list(holders)],
    )
    return {holders[identifier]: text for identifier, text in rows}
