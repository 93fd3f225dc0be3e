"""What generating is to do, and what it did."""

from __future__ import annotations

from dataclasses import dataclass

MOST_OVERLAP = 0.25
FAILURES_IN_A_ROW = 10


@dataclass(frozen=True, slots=True)
class GenerationPlan:
    """What to ask for.

    ``per_document`` queries are asked for at once; ``limit`` documents at most; ``seed`` of their
    draw. A query is taken when at most ``most_overlap`` of its words are its document's. After
    ``failures_in_a_row`` documents it stops.
    """

    per_document: int = 3
    limit: int | None = None
    seed: int = 0
    most_overlap: float = MOST_OVERLAP
    concurrency: int = 8
    temperature: float = 0.7
    max_tokens: int = 1024
    retry_failed: bool = False
    failures_in_a_row: int = FAILURES_IN_A_ROW


@dataclass(frozen=True, slots=True)
class GenerationProgress:
    """``done`` documents of ``total``; ``added`` queries; ``rate`` in documents a second."""

    done: int
    total: int
    added: int
    failed: int
    tokens: int
    rate: float


@dataclass(frozen=True, slots=True)
class WrittenQuery:
    """A query that a model wrote; ``refused`` says why it is not taken, None when it is."""

    text: str
    overlap: float
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Generated:
    """What came of one document: queries, or a failure with its reason."""

    written: tuple[WrittenQuery, ...] = ()
    failure: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def taken(self) -> tuple[WrittenQuery, ...]:
        """The queries that can be used."""
        return tuple(one for one in self.written if one.refused is None)


@dataclass(frozen=True, slots=True)
class GenerationReport:
    """What a run did.

    ``documents`` were asked about, ``failed`` of them without any reply that could be read;
    ``skipped`` had been before. ``added`` queries are new; ``refused`` counts the others by reason.
    """

    documents: int
    failed: int
    skipped: int
    added: int
    refused: tuple[tuple[str, int], ...]
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    failures: tuple[str, ...] = ()
    cancelled: bool = False
    notices: tuple[str, ...] = ()
