"""Which queries are trained on and which only measured on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from train.training_set.near_duplicates import NearDuplicates
from train.training_set.query_text import query_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from train.training_set.query_text import QueryText

#: Jaccard similarity of word sets. Higher than for specs: at 0.5 a large set would mostly end up
#: on the held-out side.
NEARLY_THE_SAME: Final = 0.8


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """A query's text and the text that it was reworded from, if it was."""

    text: str
    variation_of: str | None = None


def held_out(queries: Sequence[AskedQuery], share: float, seed: int) -> list[bool]:
    """Say of each query whether it is held out.

    Each is decided by a hash of its words and the seed, so that more labels move no query from one
    side to the other. A variation goes where its original goes. A query nearly the same as one held
    out is held out too: training on it would give that one away.

    Args:
        queries: the queries.
        share: about this part of them, 0 to 1.
        seed: another seed holds out others.
    """
    texts = [query_text(query.text) for query in queries]
    chosen = [
        _fraction(query_text(query.variation_of) if query.variation_of else text, seed) < share
        for query, text in zip(queries, texts, strict=True)
    ]
    index = NearDuplicates(
        [text for text, is_held_out in zip(texts, chosen, strict=True) if is_held_out],
        NEARLY_THE_SAME,
    )
    return [
        is_held_out or index.find(text) is not None
        for text, is_held_out in zip(texts, chosen, strict=True)
    ]


def _fraction(text: QueryText, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}\0{text.key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
