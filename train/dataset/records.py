"""A training set: queries, documents, and the graded pairs between them.

A training set while it is put together.

What a training set is to be made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from core.errors import InputError

if TYPE_CHECKING:
    from uuid import UUID

    from core.records import QueryKind


class GradeSource(StrEnum):
    """Where a pair's grade comes from, the most trusted first."""

    LABEL = "label"
    CALIBRATED = "calibrated"
    JUDGE = "judge"
    #: A name or docstring and the code that it belongs to: nobody had to grade it.
    KEYWORD = "keyword"


class Split(StrEnum):
    """What a query's pairs are used for; all pairs of a query are in one split."""

    TRAIN = "train"
    HELD_OUT = "held_out"


@dataclass(frozen=True, slots=True)
class TrainingQuery:
    """One query. ``text`` is what is encoded."""

    id: UUID
    text: str
    kind: QueryKind | None
    split: Split


@dataclass(frozen=True, slots=True)
class TrainingDocument:
    """One document. It may be in no pair: then it only stands among the others of a batch."""

    id: UUID
    path: str
    symbol: str
    text: str


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """A graded pair.

    Args:
        query: the query's place in the set's ``queries``.
        document: the document's place in its ``documents``.
        grade: from 1 to 5; a calibrated one is the expected grade and need not be whole.
        weight: how much it counts, more than 0 and at most 1; 1 is a person's label.
        source: who or what graded it.
    """

    query: int
    document: int
    grade: float
    weight: float
    source: GradeSource


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """All that a run trains and is held out on. No two pairs have the same query and document."""

    queries: tuple[TrainingQuery, ...]
    documents: tuple[TrainingDocument, ...]
    pairs: tuple[TrainingPair, ...]


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


#: A query this like one of a spec counts as that one; docs/training-set.md says why.
NEAR_DUPLICATE: Final = 0.5
_LARGEST_SHARE: Final = 0.9


@dataclass(frozen=True, slots=True)
class TrainingSetPlan:
    """What to take, and how much of it.

    Args:
        judge_scores: whether a judge's raw score stands in where there is neither a label nor a
            calibrated grade.
        judge_name: that judge; empty: any, the one that scored most before the others.
        judge_weight: how much such a pair counts, more than 0 and at most 1.
        least_weight: pairs whose grade is less certain than this are left out.
        keyword_share: part of the training pairs that are keyword pairs, made from the corpus.
        keyword_weight: how much each of them counts, more than 0 and at most 1.
        docstring_share: part of the keyword pairs that put a docstring, not names.
        held_out_share: part of the queries that is only measured on.
        near_duplicate: Jaccard similarity of word sets from which on a query counts as one of a
            spec's, above 0 and at most 1.
        low_graded_per_query: of a query's pairs graded 2 or less the hardest so many are trained
            on; 0: all.
        pool_documents: documents of the corpus without a pair that stand among the others of a
            batch.
        seed: of the split and of all that is drawn.
    """

    judge_scores: bool = False
    judge_name: str = ""
    judge_weight: float = 0.5
    least_weight: float = 0.1
    keyword_share: float = 0.25
    keyword_weight: float = 0.5
    docstring_share: float = 0.25
    held_out_share: float = 0.1
    near_duplicate: float = NEAR_DUPLICATE
    low_graded_per_query: int = 32
    pool_documents: int = 0
    seed: int = 0

    def check(self) -> None:
        """Raise InputError for a value that cannot be."""
        for name, share in (
            ("keyword share", self.keyword_share),
            ("held-out share", self.held_out_share),
        ):
            if not 0 <= share <= _LARGEST_SHARE:
                raise InputError(f"the {name} is {share}", todo="Give a number from 0 to 0.9.")
        for name, share in (
            ("docstring share", self.docstring_share),
            ("least weight", self.least_weight),
        ):
            if not 0 <= share <= 1:
                raise InputError(f"the {name} is {share}", todo="Give a number from 0 to 1.")
        for name, weight in (
            ("judge's weight", self.judge_weight),
            ("keyword weight", self.keyword_weight),
            ("near-duplicate threshold", self.near_duplicate),
        ):
            if not 0 < weight <= 1:
                raise InputError(f"the {name} is {weight}", todo="Give a number above 0, up to 1.")
        for name, count in (
            ("low-graded pairs of a query", self.low_graded_per_query),
            ("pool documents", self.pool_documents),
        ):
            if count < 0:
                raise InputError(f"the number of {name} is {count}", todo="Give 0 or more.")


class LeakRule(StrEnum):
    """Why a query counts as one of a spec's."""

    SAME_TEXT = "same text"
    SAME_WORDS = "same words"
    NEAR_DUPLICATE = "near-duplicate"
    VARIATION = "variation"


@dataclass(frozen=True, slots=True)
class Leak:
    """A query that may not be trained on, and the text of the spec that it gives away."""

    rule: LeakRule
    query: str
    spec_query: str
