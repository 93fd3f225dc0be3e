"""Sentences that count what figures leave out or doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def counting_sentences(counted: Iterable[tuple[int, str, str]]) -> tuple[str, ...]:
    """Return a sentence for each count above 0.

    Args:
        counted: the count, how the sentence goes on after a 1, and after any other count.
    """
    return tuple(
        f"{count:,} {one if count == 1 else many}" for count, one, many in counted if count
    )
