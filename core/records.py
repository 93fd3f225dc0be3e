"""The records that all parts of rejudge share.

Grades and scores are integers from 1 (irrelevant) to 5 (exactly what is wanted). Times are naive
``datetime`` values in UTC, as the store keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


GRADES: Final = (1, 2, 3, 4, 5)
#: The lowest grade of a document that the query wants: a good match with small gaps.
GOOD_GRADE: Final = 4


def is_good(grade: float) -> bool:
    """Return whether a grade, whole or a mean, says that the query wants the document."""
    return grade >= GOOD_GRADE


class QueryKind(StrEnum):
    """How a query describes code: by what it does, or by the names in it."""

    SEMANTIC = "semantic"
    KEYWORD = "keyword"


class DocumentKind(StrEnum):
    """The part of a file that a document is."""

    FILE = "file"
    MODULE = "module"
    FUNCTION = "function"
    METHOD = "method"
    CLASS = "class"
    SNIPPET = "snippet"


class JudgeKind(StrEnum):
    """Where a judge's scores come from."""

    LLM = "llm"
    LEXICAL = "lexical"
    IMPORTED = "imported"
    SAMPLE = "sample"


class Origin(StrEnum):
    """Where a pair or a query comes from."""

    IMPORT = "import"
    SPEC = "spec"
    LEXICAL = "lexical"
    RELEVANT = "relevant"
    SAMPLE = "sample"
    MISS = "miss"
    GENERATED = "generated"


class Action(StrEnum):
    """What a person did to a pair: the kind of a label event."""

    CONFIRM = "confirm"
    OVERRIDE = "override"
    SKIP = "skip"
    FLAG = "flag"
    NOTE = "note"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Document:
    """A piece of code that can be found.

    ``path`` is relative to the corpus folder, with forward slashes; empty for a snippet without a
    file. ``symbol`` is the qualified name in the language's own notation; empty for a whole file.
    Lines are counted from 1, both ends included; None if the place is unknown.
    """

    id: UUID
    path: str
    symbol: str
    kind: DocumentKind
    language: str
    start_line: int | None
    end_line: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody types to find code. ``variation_of`` is the query it was reworded from."""

    id: UUID
    text: str
    kind: QueryKind | None = None
    variation_of: str | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """A query with a document.

    ``inclusion_probability`` is the probability, in (0, 1], that sampling included the pair; None
    if it was not sampled.
    """

    id: UUID
    query_id: UUID
    document_id: UUID
    origin: Origin
    inclusion_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """A model with a prompt version and parameters, or another source of scores.

    ``prompt_version`` is the first 12 hex digits of the prompt's SHA-256; empty without a prompt.
    ``parameters`` is a JSON object as text, with sorted keys.
    """

    id: UUID
    name: str
    kind: JudgeKind
    model: str = ""
    prompt_version: str = ""
    prompt: str = ""
    parameters: str = "{}"


@dataclass(frozen=True, slots=True)
class Judgment:
    """A judge's ruling on a pair: a score, or no score and the reason for the failure.

    ``distribution`` holds P(score = 1..5), which sum to 1, if the server gave them.
    """

    id: UUID
    pair_id: UUID
    judge_id: UUID
    judged: datetime
    score: int | None = None
    failure: str | None = None
    distribution: tuple[float, float, float, float, float] | None = None
    rationale: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LabelEvent:
    """An action of a person on a pair; never changed or deleted.

    ``grade`` is set for confirm and override only, ``undoes`` for undo only. ``judgment_id`` is the
    judgment that the grade was compared with, ``hidden`` whether its score was hidden from the
    person. ``milliseconds`` is the time from the pair's first paint to the key. ``strategy`` and
    ``inclusion_probability`` say how the queue drew the pair. ``adjudicates`` marks the grade that
    settles a dispute and overrides people's own grades.
    """

    id: UUID
    happened: datetime
    pair_id: UUID
    annotator: str
    action: Action
    grade: int | None = None
    judgment_id: UUID | None = None
    hidden: bool = False
    milliseconds: int | None = None
    note: str | None = None
    undoes: UUID | None = None
    strategy: str | None = None
    inclusion_probability: float | None = None
    adjudicates: bool = False


@dataclass(frozen=True, slots=True)
class SpecQuery:
    """A query of a spec, with the paths that should be found and their grades (None: ungraded)."""

    query: Query
    key: str
    relevant: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """Queries with the paths that should be found: the ground truth of an evaluation."""

    id: UUID
    name: str
    corpus: str
    queries: tuple[SpecQuery, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Input that was skipped or repaired. ``line`` is counted from 1; 0 means the whole file."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import. ``read`` counts all items; skipped ones are among ``problems``.

    ``updated`` counts documents with a new text, or pairs with another judgment. ``removed`` counts
    documents that left the corpus. ``problems`` holds the first ones; ``problems_total`` counts
    all, and ``report_file`` lists them if there are more.
    """

    read: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: int = 0
    failed_judgments: int = 0
    problems: tuple[Problem, ...] = ()
    problems_total: int = 0
    report_file: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long job is. ``total`` is None while unknown; ``note`` says what is being done."""

    done: int
    total: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95% interval. What is unknown is None, and ``reason`` says why."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""

    @property
    def known(self) -> bool:
        """Whether there is a value with an interval."""
        return self.value is not None and self.low is not None
