"""MaxSim of every query of a batch with every document, differentiable."""

from __future__ import annotations

import mlx.core as mx

#: The lowest cosine: what a vector that is not kept scores.
_LOWEST = -1.0


def maxsim(
    queries: mx.array, query_kept: mx.array, documents: mx.array, document_kept: mx.array
) -> mx.array:
    """Return the scores (queries, documents), in [-1, 1].

    The late interaction of ColBERT (Khattab and Zaharia 2020, arXiv:2004.12832), divided by the
    number of the query's tokens, so that scores of short and long queries are alike. With one
    vector for each text it is the cosine. A document of which nothing is kept scores -1.

    Args:
        queries: vectors of length 1 (queries, query tokens, dimensions).
        query_kept: booleans (queries, query tokens): the vectors that count.
        documents: vectors of length 1 (documents, document tokens, dimensions).
        document_kept: booleans (documents, document tokens).
    """
    width = queries.shape[-1]
    cosines = queries.reshape(-1, width) @ documents.reshape(-1, width).T
    cosines = cosines.reshape(*queries.shape[:2], *documents.shape[:2])
    best = mx.where(document_kept, cosines, _LOWEST).max(axis=-1)
    weight = query_kept.astype(best.dtype)
    total = (best * weight[:, :, None]).sum(axis=1)
    return total / mx.maximum(weight.sum(axis=1), 1.0)[:, None]
