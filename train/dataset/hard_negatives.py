"""The hardest of a query's low-graded documents: those that the encoder scores highest."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from core.jobs import Job
from eval.retrievers.token_index import TokenRun, maxsim
from train.dataset.records import Split, TrainingSet
from train.dataset.summary import LOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

_NOTE: Final = "hard negatives"
_PAGE: Final = 256


class TextEncoder(Protocol):
    """An encoder of ``core.encoder``: a matrix (tokens, dimensions) for each text."""

    def encode_queries(self, texts: Sequence[str]) -> list[Matrix]:
        """Return the queries' matrices."""

    def iterate_documents(self, texts: Sequence[str]) -> Iterator[tuple[int, Matrix]]:
        """Yield position and matrix of each document as it is done, in any order."""


def with_hardest_negatives(
    training_set: TrainingSet, most: int, encoder: TextEncoder, job: Job | None = None
) -> TrainingSet:
    """Return the set with at most ``most`` pairs graded 2 or less for each training query.

    It keeps the pairs whose documents the encoder scores highest by MaxSim, the earlier of two
    equal ones. Only queries with more pairs are encoded, with their documents, each once. Held-out
    pairs, higher grades, queries and documents stay as they are.

    Args:
        training_set: the set.
        most: low-graded pairs kept of a query; 0: all.
        encoder: the one that training starts from, with the lengths of the run.
        job: gets the progress in texts; may cancel after each page of queries and each document.

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

    A document's matrix is dropped as soon as its pairs are scored.
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
        places = pairs_of[documents[number]]
        own = maxsim(
            [asked[training_set.pairs[place].query] for place in places],
            [TokenRun(matrix, np.array([len(matrix)]), np.array([0]))] if len(matrix) else [],
            1,
        )
        scores |= zip(places, own[:, 0].tolist(), strict=True)
        job.step(done, texts, _NOTE)
    return scores
