"""How well an encoder ranks the graded documents of the queries that it is not trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.jobs import Job
from eval.metrics import DEFAULT_CUTOFF, ndcg
from eval.retrievers.token_index import maxsim_in_memory
from train.dataset.records import Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from core.encoder.encoder import Encoder
    from train.dataset.records import TrainingSet

    Matrix = NDArray[np.float32]

METRIC: Final = f"nDCG@{DEFAULT_CUTOFF}"
_PAGE: Final = 256


class HeldOut:
    """The held-out queries of a training set with their graded documents."""

    def __init__(self, training_set: TrainingSet) -> None:
        self._set = training_set
        graded: dict[int, list[tuple[int, float]]] = {}
        for pair in training_set.pairs:
            if training_set.queries[pair.query].split is Split.HELD_OUT:
                graded.setdefault(pair.query, []).append((pair.document, pair.grade))
        self.queries = len(graded)
        # A query whose documents all have the same grade has no order to measure.
        self._graded = {
            query: known for query, known in graded.items() if len({g for _, g in known}) > 1
        }

    @property
    def usable(self) -> bool:
        """Whether any query can be measured."""
        return bool(self._graded)

    def mean_ndcg(self, encoder: Encoder, job: Job | None = None) -> float:
        """Return the mean nDCG@10 of the queries that can be measured.

        Args:
            encoder: ranks the documents, by MaxSim.
            job: gets the progress in texts encoded; may cancel between small batches.

        Raises:
            CancelledError: the job was cancelled.
        """
        job = job or Job()
        documents = sorted({document for known in self._graded.values() for document, _ in known})
        texts = len(self._graded) + len(documents)
        queries: dict[int, Matrix] = {}
        for page in _pages(list(self._graded)):
            job.step(len(queries), texts)
            encoded = encoder.encode_queries([self._set.queries[query].text for query in page])
            queries |= dict(zip(page, encoded, strict=True))
        matrices: dict[int, Matrix] = {}
        found = encoder.iterate_documents([self._set.documents[each].text for each in documents])
        for place, matrix in found:
            matrices[documents[place]] = matrix
            job.step(len(queries) + len(matrices), texts)
        values = [
            ndcg_of_scores(
                [grade for _, grade in known],
                maxsim_in_memory(
                    queries[query], [matrices[document] for document, _ in known]
                ).tolist(),
            )
            for query, known in self._graded.items()
        ]
        return float(np.mean(values))


def ndcg_of_scores(grades: Sequence[float], scores: Sequence[float]) -> float:
    """Return nDCG@10 of one query's documents; of equal scores the lower grade ranks first."""
    order = sorted(range(len(grades)), key=lambda place: (-scores[place], grades[place]))
    ranks = {place: rank for rank, place in enumerate(order, start=1)}
    gains = [grade - 1 for grade in grades]
    return ndcg(gains, [ranks[place] for place in range(len(grades))], DEFAULT_CUTOFF)


def _pages(queries: list[int]) -> list[list[int]]:
    return [queries[start : start + _PAGE] for start in range(0, len(queries), _PAGE)]
