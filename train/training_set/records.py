"""A training set: queries, documents, and the graded pairs between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

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
