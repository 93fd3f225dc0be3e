"""The pair that a person names, and the queries that a command works on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.store.tables import query_of_row

if TYPE_CHECKING:
    from uuid import UUID

    from core.records import Query, QueryKind
    from core.store.database import Store


_PREFIX: Final = re.compile(r"[0-9a-f-]{4,36}")


def find_pair(store: Store, name: str) -> UUID:
    """Return the pair whose id begins with ``name``, at least four hexadecimal digits.

    Raises:
        InputError: no pair, or more than one, has such an id.
    """
    prefix = name.lower()
    if not _PREFIX.fullmatch(prefix):
        raise InputError(
            "this is not a pair id",
            where=name,
            todo="Give at least the first four digits of an id, as rejudge next shows it.",
        )
    rows = store.read(
        "SELECT id FROM db.pairs WHERE starts_with(CAST(id AS VARCHAR), $1) LIMIT 2", [prefix]
    )
    if not rows:
        raise InputError("no pair has this id", where=name, todo="See one with: rejudge next")
    if len(rows) > 1:
        raise InputError(
            "several pairs have ids that begin like this", where=name, todo="Give more digits."
        )
    identifier: UUID = rows[0][0]
    return identifier


def chosen_queries(
    store: Store, *, kind: QueryKind | None = None, spec_name: str = ""
) -> list[Query]:
    """Return the queries of a kind and of a spec, ordered by text; all if neither is given.

    Within a spec its kind of a query takes precedence over the one the query was imported with.

    Raises:
        InputError: there is no such spec, or no such query.
    """
    if spec_name:
        _require_spec(store, spec_name)
    rows = store.read(
        "SELECT DISTINCT queries.id, queries.text, coalesce(named.kind, queries.kind) AS kind,"
        " queries.variation_of FROM db.queries AS queries"
        " LEFT JOIN (SELECT query_id, kind FROM db.spec_queries AS listed"
        "  JOIN db.specs AS specs ON specs.id = listed.spec_id WHERE specs.name = $1) AS named"
        "  ON named.query_id = queries.id"
        " WHERE ($1 = '' OR named.query_id IS NOT NULL)"
        " AND ($2 = '' OR coalesce(named.kind, queries.kind) = $2)"
        " ORDER BY queries.text, queries.id",
        [spec_name, kind.value if kind else ""],
    )
    if not rows:
        wanted = f"{kind.value} queries" if kind else "queries"
        raise InputError(
            f"there are no {wanted}" + (f" in the spec {spec_name}" if spec_name else ""),
            where=str(store.folder.parent),
            todo="Import some: rejudge import spec FILE.json, or: rejudge import pairs FILE.jsonl",
        )
    return [query_of_row(row) for row in rows]


def _require_spec(store: Store, name: str) -> None:
    names = [row[0] for row in store.read("SELECT DISTINCT name FROM db.specs ORDER BY name")]
    if name not in names:
        raise InputError(
            f"there is no spec named {name}",
            where=str(store.folder.parent),
            todo=f"Known specs: {', '.join(names)}."
            if names
            else "Import one with: rejudge import spec FILE.json",
        )


def require_corpus(store: Store) -> None:
    """Raise InputError when the workspace has no corpus."""
    if not store.read("SELECT 1 FROM db.documents WHERE in_corpus LIMIT 1"):
        raise InputError(
            "there is no corpus to search",
            where=str(store.folder.parent),
            todo="Import one with: rejudge import corpus DIR",
        )


def require_pairs(store: Store) -> None:
    """Raise InputError when the workspace has no pairs."""
    if not store.read("SELECT 1 FROM db.pairs LIMIT 1"):
        raise InputError(
            "there are no pairs to judge",
            where=str(store.folder.parent),
            todo="Find some with: rejudge pairs mine, or: rejudge import pairs FILE.jsonl",
        )
