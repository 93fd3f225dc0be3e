"""What of a judge's prompt a person can change: the rubric, and audited pairs as examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.display import displayable
from core.errors import InputError

if TYPE_CHECKING:
    from uuid import UUID

    from core.records import Document, Query

RUBRIC_LIMIT: Final = 20_000
#: Characters of an example's code that are sent.
EXAMPLE_BUDGET: Final = 2_000


@dataclass(frozen=True, slots=True)
class Example:
    """An audited pair that shows how the scale is used; ``grade`` is a person's, 1 to 5."""

    pair_id: UUID
    query: Query
    document: Document
    grade: int

    def about(self, query: Query) -> bool:
        """Whether this is a pair of the query, or of another wording of it."""
        own = {self.query.text, self.query.variation_of or self.query.text}
        return self.query.id == query.id or bool(
            own & {query.text, query.variation_of or query.text}
        )


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """A prompt version: the rubric, and the examples that go before each pair of another query.

    ``name`` is what a person calls it; it is no part of what the model is asked.
    """

    rubric: str
    examples: tuple[Example, ...] = ()
    name: str = ""

    def examples_for(self, query: Query) -> tuple[Example, ...]:
        """Return the examples that may be shown to a judge of this query: none of its own pairs."""
        return tuple(example for example in self.examples if not example.about(query))


def checked_rubric(text: str, where: str = "the rubric") -> str:
    """Return a rubric as it is sent: without blank lines around it.

    Raises:
        InputError: it is empty, too long, or holds control characters.
    """
    rubric = text.replace("\r\n", "\n").strip()
    if not rubric:
        raise InputError("the rubric is empty", where=where, todo="Say what each score means.")
    if len(rubric) > RUBRIC_LIMIT:
        raise InputError(
            f"the rubric has {len(rubric):,} characters; {RUBRIC_LIMIT:,} are allowed",
            where=where,
            todo="Shorten it: it is sent with every pair.",
        )
    if displayable(rubric) != rubric:
        raise InputError(
            "the rubric holds control or invisible characters",
            where=where,
            todo="Take them out: a person could not see what the judge is told.",
        )
    return rubric
