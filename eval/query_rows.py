"""The queries of an eval as a light list: ranks now and in another eval, filtered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from core.errors import InputError
from core.records import QueryKind
from eval.comparing import Change, change_between

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from core.store import Store


class Shown(StrEnum):
    """Which queries a list holds."""

    MISSES = "misses"
    REGRESSIONS = "regressions"
    FIXED = "fixed"
    ALL = "all"


class QueryRow(NamedTuple):
    """One query in a list; a tuple, because ten thousand of them are made at once.

    Ranks are those of the first relevant result, None when it was not found. ``before`` is that in
    the compared eval and counts only where ``compared`` says that both evals scored the query.
    ``k`` is the cut-off of a miss; ``problem`` says why the query was not scored.
    """

    position: int
    text: str
    kind: QueryKind | None
    rank: int | None
    problem: str
    before: int | None
    compared: bool
    k: int

    @property
    def missed(self) -> bool:
        """Whether the query was scored and nothing relevant is in the top ``k``."""
        return not self.problem and (self.rank is None or self.rank > self.k)

    @property
    def change(self) -> Change | None:
        """What became of the query since the compared eval; None where there is no telling."""
        return change_between(self.before, self.rank, self.k) if self.compared else None


@dataclass(frozen=True, slots=True)
class QueryFilter:
    """Which queries to list. ``text`` is looked for in the query, without regard to case."""

    shown: Shown = Shown.MISSES
    kind: QueryKind | None = None
    text: str = ""

    def next_shown(self) -> QueryFilter:
        """Return the same filter with the next choice of what is shown."""
        choices = list(Shown)
        place = (choices.index(self.shown) + 1) % len(choices)
        return replace(self, shown=choices[place])


def query_rows(
    store: Store,
    identifier: UUID,
    k: int,
    compared: UUID | None = None,
    *,
    before_position: int | None = None,
) -> tuple[QueryRow, ...]:
    """Return the queries of an eval in the order of the spec.

    Args:
        store: holds the evals.
        identifier: the eval.
        k: its cut-off.
        compared: the eval whose ranks stand beside.
        before_position: read only the queries before this place in the spec; None: all.
    """
    rows = store.read(
        "SELECT listed.position, queries.text, listed.kind, listed.rank,"
        " coalesce(listed.problem, ''), earlier.rank,"
        " earlier.eval_id IS NOT NULL AND coalesce(listed.problem, '') = ''"
        " FROM db.eval_queries AS listed JOIN db.queries AS queries ON queries.id = listed.query_id"
        " LEFT JOIN db.eval_queries AS earlier ON earlier.eval_id = CAST($2 AS UUID)"
        " AND earlier.query_id = listed.query_id AND coalesce(earlier.problem, '') = ''"
        " WHERE listed.eval_id = CAST($1 AS UUID) AND listed.position < $3"
        " ORDER BY listed.position",
        [identifier, compared, 2**31 - 1 if before_position is None else before_position],
    )
    kinds = {kind.value: kind for kind in QueryKind}
    return tuple(
        QueryRow(position, text, kinds.get(kind), rank, problem, before, both, k)
        for position, text, kind, rank, problem, before, both in rows
    )


def filtered(rows: Iterable[QueryRow], wanted: QueryFilter) -> tuple[QueryRow, ...]:
    """Return the rows that a filter asks for; regressions with the newly broken ones first."""
    text = wanted.text.casefold()
    fits = _SHOWN[wanted.shown]
    found = [
        row
        for row in rows
        if fits(row)
        and (wanted.kind is None or row.kind is wanted.kind)
        and (not text or text in row.text.casefold())
    ]
    if wanted.shown is Shown.REGRESSIONS:
        found.sort(key=lambda row: row.change is not Change.BROKEN)
    return tuple(found)


_SHOWN: Final[dict[Shown, Callable[[QueryRow], bool]]] = {
    Shown.MISSES: lambda row: row.missed,
    Shown.REGRESSIONS: lambda row: row.change in {Change.BROKEN, Change.WORSE},
    Shown.FIXED: lambda row: row.change is Change.FIXED,
    Shown.ALL: lambda row: True,  # noqa: ARG005 - each takes a row
}


def parse_query_filter(text: str) -> QueryFilter:
    """Return the filter that a line asks for: ``is:misses kind:semantic words``.

    Raises:
        InputError: a value that ``is`` or ``kind`` does not take.
    """
    found = QueryFilter()
    free: list[str] = []
    for word in text.split():
        name, colon, value = word.partition(":")
        if colon and name == "is" and value in list(Shown):
            found = replace(found, shown=Shown(value))
        elif colon and name == "kind" and value in list(QueryKind):
            found = replace(found, kind=QueryKind(value))
        elif colon and name in {"is", "kind"}:
            raise InputError(
                "the filter does not know this",
                where=word,
                todo="Known are is:misses is:regressions is:fixed is:all kind:semantic"
                " kind:keyword; other words are looked for in the query.",
            )
        else:
            free.append(word)
    return replace(found, text=" ".join(free))


def query_filter_text(wanted: QueryFilter) -> str:
    """Return the line that ``parse_query_filter`` reads as this filter."""
    words = [f"is:{wanted.shown.value}"]
    if wanted.kind is not None:
        words.append(f"kind:{wanted.kind.value}")
    return " ".join([*words, wanted.text]).strip()
