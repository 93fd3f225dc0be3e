"""Encode what a token index lacks; what is finished stays when the work is stopped or killed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from eval.token_index import TokenIndex
    from eval.watching import Watch

PAGE_SIZE: Final = 128
#: A segment is written after so many seconds, so that a kill loses no more work than that, or as
#: soon as it has so many numbers.
SEGMENT_SECONDS: Final = 5.0
SEGMENT_NUMBERS: Final = 1 << 24

_one_at_a_time: Final = threading.Lock()


def fill_index(
    index: TokenIndex,
    texts: Sequence[str],
    load: Callable[[Sequence[str]], Mapping[str, str]],
    encode: Callable[[list[str]], Sequence[NDArray[np.float32]]],
    watch: Watch,
) -> int:
    """Encode the texts that the index lacks and return how many that were.

    Args:
        index: gets segments.
        texts: hashes of the texts that are wanted, in the order to encode them.
        load: returns the texts with these hashes.
        encode: returns the token vectors of each text; it gets pages, to batch as it likes.
        watch: told the texts done; asked before each page.

    Raises:
        CancelledError: the watch said so; what was encoded is on disk.
    """
    with _one_at_a_time:
        missing = [text for text in dict.fromkeys(texts) if text not in index]
        segment = _Segment(index)
        done = 0
        try:
            for page in _pages(missing):
                watch.step(done, len(missing), "documents encoded")
                loaded = load(page)
                segment.add(page, encode([loaded[text] for text in page]))
                done += len(page)
        finally:
            segment.write()
        watch.step(done, len(missing), "documents encoded")
        return done


class _Segment:
    """The documents encoded since the last segment was written."""

    def __init__(self, index: TokenIndex) -> None:
        self._index = index
        self._begin()

    def _begin(self) -> None:
        self._texts: list[str] = []
        self._vectors: list[NDArray[np.float32]] = []
        self._numbers = 0
        self._began = time.monotonic()

    def add(self, texts: Sequence[str], vectors: Sequence[NDArray[np.float32]]) -> None:
        """Take in a page; write the segment when it is due."""
        self._texts += texts
        self._vectors += vectors
        self._numbers += sum(each.size for each in vectors)
        late = time.monotonic() - self._began >= SEGMENT_SECONDS
        if late or self._numbers >= SEGMENT_NUMBERS:
            self.write()

    def write(self) -> None:
        """Append what there is to the index."""
        self._index.append(self._texts, self._vectors)
        self._begin()


def _pages(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), PAGE_SIZE):
        yield texts[start : start + PAGE_SIZE]
