"""How well an encoder ranks the graded documents of the queries that it is not trained on."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Final

import numpy as np

from train.training_set.records import Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from core.encoder.encoder import Encoder
    from train.training_set.records import TrainingSet

METRIC: Final = "nDCG@10"
_CUTOFF: Final = 10


def ndcg(grades: Sequence[float], scores: Sequence[float]) -> float | None:
    """Return nDCG@10 of one query's graded documents, None when all have the same grade.

    The gain is the grade less one, as in the evals, discounted by log2(rank + 1) (Järvelin and
    Kekäläinen 2002); documents of the same score are ranked the worse ones first.
    """
    gains = [grade - 1 for grade in grades]
    if max(gains, default=0) == min(gains, default=0):
        return None
    ranked = [gain for _, gain in sorted(zip(scores, gains, strict=True), key=_best_first)]
    return _discounted(ranked) / _discounted(sorted(gains, reverse=True))


def _best_first(scored: tuple[float, float]) -> tuple[float, float]:
    score, gain = scored
    return -score, gain


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains[:_CUTOFF], start=1))


class HeldOut:
    """The held-out queries of a training set with their graded documents."""

    def __init__(self, training_set: TrainingSet) -> None:
        self._set = training_set
        graded: dict[int, list[tuple[int, float]]] = {}
        for pair in training_set.pairs:
            if training_set.queries[pair.query].split is Split.HELD_OUT:
                graded.setdefault(pair.query, []).append((pair.document, pair.grade))
        self.queries = len(graded)
        # A query whose documents have all the same grade says nothing of their order.
        self._graded = {
            query: known for query, known in graded.items() if len({g for _, g in known}) > 1
        }

    @property
    def usable(self) -> bool:
        """Whether any query can be measured."""
        return bool(self._graded)

    def mean_ndcg(self, encoder: Encoder) -> float:
        """Return the mean nDCG@10 of the queries that can be measured.

        Raises:
            ValueError: none can.
        """
        queries = list(self._graded)
        documents = sorted({document for known in self._graded.values() for document, _ in known})
        query_matrices = encoder.encode_queries([self._set.queries[q].text for q in queries])
        texts = [self._set.documents[document].text for document in documents]
        matrices = dict(zip(documents, encoder.encode_documents(texts), strict=True))
        found = [
            ndcg(
                [grade for _, grade in self._graded[query]],
                [_maxsim(matrix, matrices[document]) for document, _ in self._graded[query]],
            )
            for query, matrix in zip(queries, query_matrices, strict=True)
        ]
        values = [value for value in found if value is not None]
        if not values:
            raise ValueError("no held-out query has documents of different grades")
        return float(np.mean(values))


def _maxsim(query: NDArray[np.float32], document: NDArray[np.float32]) -> float:
    if not len(document):
        return -1.0
    return float((query @ document.T).max(axis=1).mean())
