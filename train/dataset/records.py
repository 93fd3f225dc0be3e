"""A training set: its queries, documents and graded pairs, its plan, and a draft of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from train.settings import Bounds, problems_of, setting

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
    """What a query's pairs are used for; all pairs of a query are in the same split."""

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
    """One document. Without a pair it serves as a negative of batches only."""

    id: UUID
    path: str
    symbol: str
    text: str


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """A graded pair.

    Args:
        query: the query's position in the set's ``queries``.
        document: the document's position in its ``documents``.
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
    """Everything that a run trains and is measured on; its pairs are distinct."""

    queries: tuple[TrainingQuery, ...]
    documents: tuple[TrainingDocument, ...]
    pairs: tuple[TrainingPair, ...]


class TrainingSetDraft:
    """Collects queries, documents and pairs; a document is kept once."""

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
        """The number of documents so far."""
        return len(self._documents)

    def add_query(self, query: TrainingQuery) -> int:
        """Add a new query and return its position."""
        self._queries.append(query)
        return len(self._queries) - 1

    def add_document(self, document: TrainingDocument) -> int:
        """Add a document, if it is new, and return its position."""
        place = self._places.setdefault(document.id, len(self._documents))
        if place == len(self._documents):
            self._documents.append(document)
        return place

    def add_pair(
        self, query: int, document: int, grade: float, weight: float, source: GradeSource
    ) -> None:
        """Add a new pair."""
        self._pairs.append(TrainingPair(query, document, grade, weight, source))

    def finished(self) -> TrainingSet:
        """Return the training set, its pairs ordered by query and document."""
        pairs = sorted(self._pairs, key=lambda pair: (pair.query, pair.document))
        return TrainingSet(tuple(self._queries), tuple(self._documents), tuple(pairs))


#: A query this like one of a spec counts as that one; docs/training-set.md says why.
NEAR_DUPLICATE: Final = 0.5
_SHARE: Final = Bounds(0, 1)
_LESS_THAN_ALL: Final = Bounds(0, 0.9)
_WEIGHT: Final = Bounds(0, 1, above=True)
_COUNT: Final = Bounds(0)


@dataclass(frozen=True, slots=True)
class TrainingSetPlan:
    """What to take into a training set, and how much of it."""

    judge_scores: bool = setting(
        False,
        "use a judge's raw score where there is neither a label nor a calibrated grade",
        flag="--use-judge-scores",
    )
    judge_name: str = setting(
        "", "judge whose raw scores are used (the audited judge)", flag="--judge", metavar="NAME"
    )
    judge_weight: float = setting(0.5, "weight of a pair with a raw score", bounds=_WEIGHT)
    least_weight: float = setting(
        0.1, "leave out pairs whose grade is less certain than this", bounds=_SHARE
    )
    keyword_share: float = setting(
        0.25,
        "share of name-to-code pairs mixed in, 0 to 0.9, so that keyword queries do not get worse",
        bounds=_LESS_THAN_ALL,
    )
    keyword_weight: float = setting(0.5, "weight of a keyword pair", bounds=_WEIGHT)
    docstring_share: float = setting(
        0.25, "share of the keyword pairs whose query is a docstring", bounds=_SHARE
    )
    held_out_share: float = setting(
        0.1,
        "share of the graded queries kept out of training and measured on, 0 to 0.9",
        label="held out",
        bounds=_LESS_THAN_ALL,
    )
    near_duplicate: float = setting(
        NEAR_DUPLICATE,
        "Jaccard similarity of word sets from which a query counts as one of a spec's",
        flag="",
        bounds=_WEIGHT,
    )
    low_graded_per_query: int = setting(
        32,
        "most pairs of a query graded 2 or less, the hardest for the base encoder; 0: all",
        flag="--low-graded",
        bounds=_COUNT,
    )
    pool_documents: int = setting(
        0,
        "documents of the corpus without a pair, as further negatives of a batch",
        flag="--pool",
        bounds=_COUNT,
    )
    seed: int = setting(0, "seed of the split and of everything drawn", flag="", bounds=_COUNT)

    def check(self) -> None:
        """Raise InputError for the first value that is out of its bounds."""
        for name, problem in problems_of(self).items():
            raise InputError(f"{name} {problem}", where="the plan of the training set")


class LeakRule(StrEnum):
    """Why a query counts as a query of a spec."""

    SAME_TEXT = "same text"
    SAME_WORDS = "same words"
    NEAR_DUPLICATE = "near-duplicate"
    VARIATION = "variation"


@dataclass(frozen=True, slots=True)
class Leak:
    """A query that may not be trained on, and the query of a spec that it gives away."""

    rule: LeakRule
    query: str
    spec_query: str
