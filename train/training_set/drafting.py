"""A training set while it is put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from train.training_set.records import TrainingDocument, TrainingPair, TrainingQuery, TrainingSet

if TYPE_CHECKING:
    from uuid import UUID

    from train.training_set.records import GradeSource


class TrainingSetDraft:
    """Gathers queries, documents and pairs; each document is held once."""

    def __init__(self) -> None:
        self._queries: list[TrainingQuery] = []
        self._documents: list[TrainingDocument] = []
        self._pairs: list[TrainingPair] = []
        self._places: dict[UUID, int] = {}

    def __contains__(self, document: UUID) -> bool:
        """Whether the document is in the draft."""
        return document in self._places

    @property
    def documents(self) -> int:
        """How many documents it has so far."""
        return len(self._documents)

    def add_query(self, query: TrainingQuery) -> int:
        """Add a query that is not there yet and return its place."""
        self._queries.append(query)
        return len(self._queries) - 1

    def add_document(self, document: TrainingDocument) -> int:
        """Add a document unless it is there, and return its place."""
        place = self._places.setdefault(document.id, len(self._documents))
        if place == len(self._documents):
            self._documents.append(document)
        return place

    def add_pair(
        self, query: int, document: int, grade: float, weight: float, source: GradeSource
    ) -> None:
        """Add a pair that is not there yet."""
        self._pairs.append(TrainingPair(query, document, grade, weight, source))

    def finished(self) -> TrainingSet:
        """Return all that was gathered, the pairs by query and document."""
        pairs = sorted(self._pairs, key=lambda pair: (pair.query, pair.document))
        return TrainingSet(tuple(self._queries), tuple(self._documents), tuple(pairs))
