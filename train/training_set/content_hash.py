"""The content of a training set in one number: equal for equal sets, whatever file they are in."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

    from train.training_set.records import TrainingSet


def content_hash(training_set: TrainingSet) -> str:
    """Return the SHA-256, in hex, of all queries, documents and pairs in their order.

    Each text goes in with its length before it; numbers as 4 or 8 bytes, little-endian; a pair's
    source as 10 bytes, filled with zeros.
    """
    digest = hashlib.sha256()
    for query in training_set.queries:
        _add(digest, str(query.id), query.text, query.kind or "", query.split)
    digest.update(b"documents")
    for document in training_set.documents:
        _add(digest, str(document.id), document.path, document.symbol, document.text)
    digest.update(b"pairs")
    for pair in training_set.pairs:
        digest.update(
            struct.pack(
                "<iidd10s",
                pair.query,
                pair.document,
                pair.grade,
                pair.weight,
                pair.source.encode(),
            )
        )
    return digest.hexdigest()


def _add(digest: _Hash, *texts: str) -> None:
    for text in texts:
        encoded = text.encode()
        digest.update(struct.pack("<q", len(encoded)) + encoded)
