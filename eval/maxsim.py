"""Exact MaxSim over many documents, in blocks.

The score of a document is the sum, over the query's tokens, of the best similarity that any of
the document's tokens has with it (Khattab and Zaharia, ColBERT, SIGIR 2020). All queries of a
batch meet a block of documents in one matrix product, so that each document is turned from
float16 to float32 once a batch; the documents lie end to end without padding; and the largest
array is one block's similarities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]

#: Similarities held at once: 16 MiB of float32.
BLOCK_CELLS: Final = 1 << 22
_FEWEST_TOKENS: Final = 256


@dataclass(frozen=True, slots=True)
class TokenRun:
    """Documents whose token vectors lie end to end.

    ``vectors`` has the shape (tokens, dimensions), float16 or float32, and may be memory-mapped.
    ``lengths`` holds each document's number of tokens, at least 1; ``columns`` where in the scores
    it goes.
    """

    vectors: NDArray[np.floating]
    lengths: NDArray[np.int64]
    columns: NDArray[np.int64]


def maxsim(queries: Sequence[Float32], runs: Iterable[TokenRun], documents: int) -> Float32:
    """Return the scores, of shape (queries, documents); minus infinity where no run has one.

    Args:
        queries: token vectors, (tokens, dimensions) each, at least one token each.
        runs: the documents.
        documents: the number of columns.
    """
    import numpy as np

    scores = np.full((len(queries), documents), -np.inf, dtype=np.float32)
    if not queries:
        return scores
    stacked = np.ascontiguousarray(np.concatenate(queries), dtype=np.float32)
    starts = _starts(np.asarray([len(query) for query in queries]))
    for run in runs:
        for block in _blocks(run, len(stacked)):
            tokens = np.asarray(block.vectors, dtype=np.float32)
            best = np.maximum.reduceat(stacked @ tokens.T, _starts(block.lengths), axis=1)
            scores[:, block.columns] = np.add.reduceat(best, starts, axis=0)
    return scores


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    import numpy as np

    return np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)


def _blocks(run: TokenRun, query_tokens: int) -> Iterable[TokenRun]:
    """Cut a run into pieces whose similarities fit; a document is never cut."""
    import numpy as np

    size = max(_FEWEST_TOKENS, BLOCK_CELLS // query_tokens)
    ends = np.cumsum(run.lengths)
    first, done = 0, 0
    while first < len(ends):
        last = max(first + 1, int(np.searchsorted(ends, done + size, side="right")))
        end = int(ends[last - 1])
        yield TokenRun(run.vectors[done:end], run.lengths[first:last], run.columns[first:last])
        first, done = last, end
