"""Texts of like length together, padded to the longest of their batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from core.encoder.tokenizing import TokenizedText


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that are encoded in one go.

    Args:
        places: the place of each text in what was asked for.
        tokens: ids (texts, tokens), int32.
        seen: which tokens are attended to (texts, tokens); None when all are.
        kept: which vectors are handed out (texts, tokens).
    """

    places: tuple[int, ...]
    tokens: NDArray[np.int32]
    seen: NDArray[np.bool_] | None
    kept: NDArray[np.bool_]


def batches(
    texts: Sequence[TokenizedText], *, batch_size: int, most_tokens: int, pad: int
) -> Iterator[Batch]:
    """Yield batches, the longest texts first, so that memory runs out at once or never.

    Args:
        texts: what is to be encoded.
        batch_size: the most texts in a batch.
        most_tokens: the most tokens in a batch, padding among them; a single text may have more.
        pad: the id that fills up.
    """
    order = sorted(range(len(texts)), key=lambda place: -len(texts[place].ids))
    start = 0
    while start < len(order):
        longest = max(len(texts[order[start]].ids), 1)
        end = start + max(1, min(batch_size, most_tokens // longest))
        yield padded(texts, tuple(order[start:end]), pad)
        start = end


def padded(texts: Sequence[TokenizedText], places: tuple[int, ...], pad: int) -> Batch:
    """Return the texts of these places as one batch."""
    chosen = [texts[place] for place in places]
    length = max(len(text.ids) for text in chosen)
    tokens = np.full((len(chosen), length), pad, np.int32)
    seen = np.zeros((len(chosen), length), np.bool_)
    kept = np.zeros((len(chosen), length), np.bool_)
    for row, text in enumerate(chosen):
        tokens[row, : len(text.ids)] = text.ids
        seen[row, : text.seen] = True
        kept[row, list(text.kept)] = True
    return Batch(places, tokens, None if seen.all() else seen, kept)
