"""Of a query's low-graded documents the hardest: those that an encoder takes for good ones."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, Protocol

from core.jobs import Job
from train.dataset.records import Split, TrainingSet
from train.dataset.summary import LOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

_NOTE: Final = "hard negatives"
_PAGE: Final = 256


class TextEncoder(Protocol):
    """What ``core.encoder`` does: a matrix (tokens, dimensions) for each text."""

    def encode_queries(self, texts: Sequence[str]) -> list[Matrix]:
        """Return the queries' matrices."""

    def iterate_documents(self, texts: Sequence[str]) -> Iterator[tuple[int, Matrix]]:
        """Yield place and matrix of each document as it is done, in any order."""


def with_hardest_negatives(
    training_set: TrainingSet, most: int, encoder: TextEncoder, job: Job | None = None
) -> TrainingSet:
    """Return the set with at most ``most`` pairs graded 2 or less for each training query.

    Those are kept whose documents the encoder scores highest (MaxSim), a tie going to the earlier
    one. Only the queries that have more are encoded, and of documents theirs, each once. Whatever
    is held out, graded higher, or in the set's queries and documents stays as it is.

    Args:
        training_set: the set.
        most: of each query; 0: all, and the set comes back as it is.
        encoder: the one that training starts from, with the lengths of the run.
        job: told in texts and asked, before each page of queries and after each document.

    Raises:
        CancelledError: the job was cancelled.
    """
    low: dict[int, list[int]] = defaultdict(list)
    for place, pair in enumerate(training_set.pairs):
        if pair.grade <= LOW and training_set.queries[pair.query].split is Split.TRAIN:
            low[pair.query].append(place)
    crowded = {query: places for query, places in low.items() if most and len(places) > most}
    if not crowded:
        return training_set
    scores = _scores(training_set, crowded, encoder, job or Job())
    easy: set[int] = set()
    for places in crowded.values():
        hardest = sorted(places, key=lambda place: (-scores[place], place))
        easy.update(hardest[most:])
    kept = tuple(pair for place, pair in enumerate(training_set.pairs) if place not in easy)
    return TrainingSet(training_set.queries, training_set.documents, kept)


def _scores(
    training_set: TrainingSet,
    crowded: dict[int, list[int]],
    encoder: TextEncoder,
    job: Job,
) -> dict[int, float]:
    """Return the score of each pair of these queries, by its place.

    A document's matrix is let go as soon as its pairs are scored; those of the queries stay.
    """
    pairs_of: dict[int, list[int]] = defaultdict(list)
    for places in crowded.values():
        for place in places:
            pairs_of[training_set.pairs[place].document].append(place)
    queries, documents = list(crowded), list(pairs_of)
    texts = len(queries) + len(documents)
    asked: dict[int, Matrix] = {}
    for start in range(0, len(queries), _PAGE):
        job.step(start, texts, _NOTE)
        page = queries[start : start + _PAGE]
        encoded = encoder.encode_queries([training_set.queries[query].text for query in page])
        asked |= dict(zip(page, encoded, strict=True))
    scores: dict[int, float] = {}
    found = encoder.iterate_documents([training_set.documents[each].text for each in documents])
    for done, (number, matrix) in enumerate(found, start=len(queries) + 1):
        for place in pairs_of[documents[number]]:
            scores[place] = _maxsim(asked[training_set.pairs[place].query], matrix)
        job.step(done, texts, _NOTE)
    return scores


def _maxsim(query: Matrix, document: Matrix) -> float:
    return float((query @ document.T).max(axis=1).sum()) if len(document) else 0.0
