"""Of a query's low-graded documents the hardest: those that an encoder takes for good ones."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

from train.training_set.records import Split, TrainingSet
from train.training_set.summarising import LOW
from train.training_set.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Matrices = list[NDArray[np.float32]]


class TextEncoder(Protocol):
    """What ``core.encoder`` does: a matrix (tokens, dimensions) for each text."""

    def encode_queries(self, texts: Sequence[str]) -> Matrices:
        """Return the queries' matrices."""

    def encode_documents(self, texts: Sequence[str]) -> Matrices:
        """Return the documents' matrices."""


def with_hardest_negatives(
    training_set: TrainingSet, most: int, encoder: TextEncoder, watch: Watch | None = None
) -> TrainingSet:
    """Return the set with at most ``most`` pairs graded 2 or less for each training query.

    Those are kept whose documents the encoder scores highest (MaxSim), a tie going to the earlier
    one. Only the queries that have more are encoded, one at a time. Whatever is held out, graded
    higher, or in the set's queries and documents stays as it is.

    Args:
        training_set: the set.
        most: of each query; 0: all, and the set comes back as it is.
        encoder: the one that training starts from.
        watch: told in queries and asked, before each.

    Raises:
        CancelledError: the watch said so.
    """
    low: dict[int, list[int]] = defaultdict(list)
    for place, pair in enumerate(training_set.pairs):
        if pair.grade <= LOW and training_set.queries[pair.query].split is Split.TRAIN:
            low[pair.query].append(place)
    crowded = {query: places for query, places in low.items() if most and len(places) > most}
    if not crowded:
        return training_set
    watch = watch or Watch()
    easy: set[int] = set()
    for done, (query, places) in enumerate(crowded.items()):
        watch.step(done, len(crowded), "hard negatives")
        scores = _scores(training_set, query, places, encoder)
        hardest = sorted(zip([-score for score in scores], places, strict=True))
        easy.update(place for _, place in hardest[most:])
    kept = tuple(pair for place, pair in enumerate(training_set.pairs) if place not in easy)
    return TrainingSet(training_set.queries, training_set.documents, kept)


def _scores(
    training_set: TrainingSet, query: int, places: list[int], encoder: TextEncoder
) -> list[float]:
    (asked,) = encoder.encode_queries([training_set.queries[query].text])
    documents = [
        training_set.documents[training_set.pairs[place].document].text for place in places
    ]
    return [
        float((asked @ matrix.T).max(axis=1).sum()) if len(matrix) else 0.0
        for matrix in encoder.encode_documents(documents)
    ]
