"""The records that pass between the floors: frozen, plain, without behaviour.

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
    """How a query is put: by what the code does, or by the code's own names."""

    SEMANTIC = "semantic"
    KEYWORD = "keyword"


class DocumentKind(StrEnum):
    """What piece of a file a document is."""

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
    """How a pair or a query came into the workspace."""

    IMPORT = "import"
    SPEC = "spec"
    LEXICAL = "lexical"
    RELEVANT = "relevant"
    SAMPLE = "sample"
    MISS = "miss"
    GENERATED = "generated"


class Action(StrEnum):
    """What a person did to a pair; one label event each."""

    CONFIRM = "confirm"
    OVERRIDE = "override"
    SKIP = "skip"
    FLAG = "flag"
    NOTE = "note"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Document:
    """A piece of code that can be found.

    ``path`` is relative to the corpus folder, with forward slashes; empty for a snippet that came
    without one. ``symbol`` is the qualified name in the language's own notation, empty for a whole
    file. Lines count from 1 and include both ends; None where the place is unknown.
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
    """What somebody types to find code. ``variation_of`` is the text it was reworded from."""

    id: UUID
    text: str
    kind: QueryKind | None = None
    variation_of: str | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """One query with one document.

    ``inclusion_probability`` is the chance, in (0, 1], with which sampling took the pair; None
    when nothing was sampled.
    """

    id: UUID
    query_id: UUID
    document_id: UUID
    origin: Origin
    inclusion_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """A model, a prompt version and parameters that together score pairs.

    ``prompt_version`` is the first 12 hex digits of the prompt's SHA-256, empty where there is no
    prompt. ``parameters`` is a JSON object as text, keys sorted.
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
    """One judge's ruling on one pair: a score, or a failure with its reason and no score.

    ``distribution`` holds P(score = 1..5), summing to 1, where the server gave one.
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
    """One thing a person did to a pair; never changed or deleted afterwards.

    ``grade`` is set for confirm and override only, ``undoes`` for undo only. ``hidden`` tells
    whether the judge's score was hidden when the person graded. ``milliseconds`` is the time from
    the pair's first paint to the key. ``judgment_id`` names the judgment that was compared with.
    ``strategy`` and ``inclusion_probability`` tell how the queue drew the pair. ``adjudicates``
    tells whether the grade settles what people differed on, and so stands above theirs.
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
    """One query of a spec: the paths that should be found, with a grade each (None: ungraded)."""

    query: Query
    key: str
    relevant: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """A set of queries with the paths that should be found: an eval's ground truth."""

    id: UUID
    name: str
    corpus: str
    queries: tuple[SpecQuery, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """A piece of input that was skipped or repaired. ``line`` counts from 1; 0: the whole file."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. ``read`` counts the items seen; a skipped one is among ``problems``.

    ``updated`` counts documents whose text changed (or pairs that got another judgment);
    ``removed`` documents that left the corpus, kept where a pair still needs them. When there are
    more problems than ``problems`` holds, ``problems_total`` says how many and ``report_file``
    lists them all.
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
    """How far a long job is. ``total`` is None while it is unknown; ``note`` says what is done."""

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
