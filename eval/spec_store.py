"""Specs in the store. A changed spec of the same name is another spec; the newest one counts."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from core.errors import InputError
from core.queries import add_queries, query_of_row
from core.records import Origin, Spec, SpecQuery
from core.rows import insert_missing
from core.store import utc_now

if TYPE_CHECKING:
    from uuid import UUID

    from core.store import Store


def add_spec(store: Store, spec: Spec) -> bool:
    """Insert a spec with its queries, all or nothing; return whether it was new.

    A spec that is there already becomes the newest of its name again.
    """
    with store.transaction() as cursor:
        columns = {"id": "UUID", "name": "VARCHAR", "corpus": "VARCHAR", "added": "TIMESTAMP"}
        row = (spec.id, spec.name, spec.corpus, utc_now())
        add_queries(cursor, [asked.query for asked in spec.queries], Origin.SPEC)
        if not insert_missing(cursor, "specs", columns, [row]):
            cursor.execute("UPDATE db.specs SET added = $1 WHERE id = $2", [utc_now(), spec.id])
            return False
        cursor.execute(
            "INSERT INTO db.spec_queries (spec_id, position, query_id, spec_key, kind)"
            " SELECT $1, unnest(CAST($2 AS INTEGER[])), unnest(CAST($3 AS UUID[])),"
            " unnest(CAST($4 AS VARCHAR[])), unnest(CAST($5 AS VARCHAR[]))",
            [
                spec.id,
                list(range(len(spec.queries))),
                [asked.query.id for asked in spec.queries],
                [asked.key for asked in spec.queries],
                [asked.query.kind.value if asked.query.kind else None for asked in spec.queries],
            ],
        )
        relevant = [
            (asked.query.id, path, grade)
            for asked in spec.queries
            for path, grade in asked.relevant
        ]
        cursor.execute(
            "INSERT INTO db.spec_relevant (spec_id, query_id, path, grade)"
            " SELECT $1, unnest(CAST($2 AS UUID[])), unnest(CAST($3 AS VARCHAR[])),"
            " unnest(CAST($4 AS SMALLINT[]))",
            [spec.id, *(list(column) for column in zip(*relevant, strict=True))],
        )
    return True


def specs(store: Store) -> tuple[Spec, ...]:
    """Return the newest spec of every name, by name."""
    rows = store.read(
        "SELECT id, name, corpus FROM db.specs"
        " QUALIFY row_number() OVER (PARTITION BY name ORDER BY added DESC, id) = 1 ORDER BY name"
    )
    return tuple(_spec(store, *row) for row in rows)


def load_spec(store: Store, name: str) -> Spec:
    """Return the newest spec of that name.

    Raises:
        InputError: there is none.
    """
    rows = store.read(
        "SELECT id, name, corpus FROM db.specs WHERE name = $1 ORDER BY added DESC, id LIMIT 1",
        [name],
    )
    if not rows:
        known = ", ".join(row[0] for row in store.read("SELECT DISTINCT name FROM db.specs"))
        raise InputError(
            f"there is no spec {name}",
            todo=f"Specs of this workspace: {known or 'none yet; see rejudge import spec --help'}.",
        )
    return _spec(store, *rows[0])


def load_spec_by_id(store: Store, identifier: UUID) -> Spec:
    """Return a spec as it was when an eval used it.

    Raises:
        InputError: the store has none with this id.
    """
    rows = store.read("SELECT id, name, corpus FROM db.specs WHERE id = $1", [identifier])
    if not rows:
        raise InputError("the spec of this eval is not in the workspace", todo="Import it again.")
    return _spec(store, *rows[0])


def _spec(store: Store, identifier: UUID, name: str, corpus: str) -> Spec:
    relevant: defaultdict[UUID, list[tuple[str, int | None]]] = defaultdict(list)
    for query, path, grade in store.read(
        "SELECT query_id, path, grade FROM db.spec_relevant WHERE spec_id = $1 ORDER BY path",
        [identifier],
    ):
        relevant[query].append((path, grade))
    rows = store.read(
        "SELECT asked.spec_key, query.id, query.text, coalesce(asked.kind, query.kind),"
        " query.variation_of FROM db.spec_queries AS asked"
        " JOIN db.queries AS query ON query.id = asked.query_id"
        " WHERE asked.spec_id = $1 ORDER BY asked.position",
        [identifier],
    )
    queries = tuple(
        SpecQuery(query_of_row(row[1:]), row[0], tuple(relevant[row[1]])) for row in rows
    )
    return Spec(identifier, name, corpus, queries)
