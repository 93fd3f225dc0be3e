"""Specs: read from a file, checked against the corpus, kept in the store.

A file is ``{"corpus": ..., "queries": [{"query": ..., "relevant": [...]}]}``; ``relevant`` is a
list of paths, or an object from path to grade. A query may have a ``kind`` and an ``id``. A query
that cannot be used is reported and skipped. A changed spec of the same name is a new spec; the
newest counts.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.ids import content_id, query_id, utc_now
from core.records import GRADES, ImportReport, Origin, Problem, Query, QueryKind, Spec, SpecQuery
from core.store.sql import insert_missing
from core.store.tables import add_queries, query_of_row
from core.text import storable
from core.workspace import given_path
from eval.metrics import endings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from uuid import UUID

    from core.store.database import Store


_SHAPE: Final = (
    'A spec looks like {"corpus": "crates", "queries": [{"query": "...", "relevant": ["a.rs"]}]}.'
)
_LARGEST_FILE: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class SpecReading:
    """A spec and its skipped queries; a problem's ``line`` is the query's number, from 1."""

    spec: Spec
    read: int
    problems: tuple[Problem, ...]


class _WrongQueryError(Exception):
    """A query cannot be used; the message says why."""


def read_spec(path: Path) -> SpecReading:
    """Read a spec file.

    Raises:
        InputError: there is no such file, it is not JSON, has another shape, or no query of it
            can be used.
    """
    document = _json(path)
    if not isinstance(document, dict) or not isinstance(document.get("queries"), list):
        raise InputError("this is not a spec", where=str(path), todo=_SHAPE)
    given: list[object] = document["queries"]
    if not given:
        raise InputError("the spec has no queries", where=str(path), todo=_SHAPE)
    kept: dict[str, SpecQuery] = {}
    problems: list[Problem] = []
    for number, entry in enumerate(given, start=1):
        try:
            asked = _query(entry, number, kept)
        except _WrongQueryError as error:
            problems.append(Problem(str(path), number, f"query {number}: {error}"))
        else:
            kept[asked.query.text] = asked
    if not kept:
        raise InputError(
            f"no query of the spec can be used: {problems[0].reason}", where=str(path), todo=_SHAPE
        )
    corpus = document.get("corpus", "")
    name = storable(corpus) if isinstance(corpus, str) else ""
    spec = make_spec(storable(path.stem), name, list(kept.values()))
    return SpecReading(spec, len(given), tuple(problems))


def make_spec(name: str, corpus: str, queries: Sequence[SpecQuery]) -> Spec:
    """Return a spec with its id, a hash of its content."""
    content = [
        [asked.key, asked.query.text, asked.query.kind, sorted(asked.relevant, key=str)]
        for asked in queries
    ]
    return Spec(content_id(name, corpus, json.dumps(content)), name, corpus, tuple(queries))


def _json(path: Path) -> object:
    try:
        if path.is_file() and path.stat().st_size > _LARGEST_FILE:
            raise InputError(
                "the spec is too large", where=str(path), todo="Split it into several specs."
            )
        text = path.read_bytes().decode("utf-8-sig")
        document: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"the spec is not JSON: {error.msg}",
            where=f"{path}:{error.lineno}",
            todo="Fix that line, then import it again.",
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            "the spec is not UTF-8", where=str(path), todo="Save it as UTF-8."
        ) from error
    except RecursionError as error:
        raise InputError("the spec is nested too deeply", where=str(path), todo=_SHAPE) from error
    except ValueError as error:
        raise InputError(
            "a number in the spec is too long", where=str(path), todo=_SHAPE
        ) from error
    except OSError as error:
        raise InputError(
            f"the spec cannot be read: {error.strerror}",
            where=str(path),
            todo="Give the path of a JSON file.",
        ) from error
    return document


def _query(entry: object, number: int, above: Mapping[str, SpecQuery]) -> SpecQuery:
    if not isinstance(entry, dict):
        raise _WrongQueryError("not an object")
    text = entry.get("query")
    if not isinstance(text, str) or not text.strip():
        raise _WrongQueryError("the query is empty")
    kind = entry.get("kind")
    if kind is not None and kind not in list(QueryKind):
        raise _WrongQueryError(f"the kind {kind!r} is neither semantic nor keyword")
    key = entry.get("id", f"q{number}")
    if not isinstance(key, str | int) or not str(key).strip():
        raise _WrongQueryError("the id is not a name")
    text = " ".join(storable(text).split())
    if text in above:
        raise _WrongQueryError("the same query stands above")
    query = Query(query_id(text), text, QueryKind(kind) if kind else None)
    return SpecQuery(query, storable(str(key)), _relevant(entry.get("relevant")))


def _relevant(given: object) -> tuple[tuple[str, int | None], ...]:
    graded: Mapping[object, object]
    if isinstance(given, dict):
        graded = given
    elif isinstance(given, list):
        if not all(isinstance(path, str) for path in given):
            raise _WrongQueryError("a relevant path is not text")
        graded = dict.fromkeys(given)
    else:
        raise _WrongQueryError("there is no list of relevant paths")
    if not graded:
        raise _WrongQueryError("no path is relevant")
    return tuple((_path(path), _grade(grade)) for path, grade in graded.items())


def _path(given: object) -> str:
    path = storable(str(given)).strip().replace("\\", "/").removeprefix("./")
    if not path or path.startswith("/") or ".." in PurePosixPath(path).parts:
        raise _WrongQueryError(f"the relevant path {given!r} is not a path within the corpus")
    return path


def _grade(given: object) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or given not in GRADES:
        raise _WrongQueryError(f"the grade {given!r} is not one of 1 to 5")
    return given


def add_spec(store: Store, spec: Spec) -> bool:
    """Store a spec with its queries in one transaction; return whether it was new.

    A known spec becomes the newest of its name again.
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
    """Return the newest spec of every name, sorted by name."""
    rows = store.read(
        "SELECT id, name, corpus FROM db.specs"
        " QUALIFY row_number() OVER (PARTITION BY name ORDER BY added DESC, id) = 1 ORDER BY name"
    )
    return tuple(_spec(store, *row) for row in rows)


def load_spec(store: Store, name: str) -> Spec:
    """Return the newest spec of a name.

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
    """Return the version of a spec with this id.

    Raises:
        InputError: there is none.
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


def chosen_spec(store: Store, named: str) -> tuple[Spec, tuple[str, ...]]:
    """Return the spec of that name, or import the file of that name.

    Problems of the file are returned as sentences.

    Raises:
        InputError: there is neither, or the file cannot be used.
    """
    known = store.read("SELECT 1 FROM db.specs WHERE name = $1 LIMIT 1", [named])
    file = given_path(named)
    if known or not (file.suffix or file.exists()):
        return load_spec(store, named), ()
    reading = read_spec(file)
    add_spec(store, reading.spec)
    return reading.spec, tuple(problem.reason for problem in reading.problems)


def import_spec(store: Store, path: Path) -> ImportReport:
    """Import a spec file. The spec's name is the file's, without the ending.

    A relevant path that the corpus lacks is reported but kept: the corpus may be imported later.
    Without a corpus no path is checked.

    Returns:
        ``read`` counts the file's queries, ``added`` those of a new spec, ``skipped`` those that
        cannot be used.

    Raises:
        InputError: the file cannot be used; nothing was kept.
        StoreError: the database refused; nothing was kept.
    """
    reading = read_spec(path)
    fresh = add_spec(store, reading.spec)
    kept = len(reading.spec.queries)
    problems = (*reading.problems, *_absent_paths(store, path, reading.spec))
    return ImportReport(
        read=reading.read,
        added=kept if fresh else 0,
        unchanged=0 if fresh else kept,
        skipped=len(reading.problems),
        problems=problems,
        problems_total=len(problems),
    )


def _absent_paths(store: Store, file: Path, spec: Spec) -> list[Problem]:
    known = {
        ending
        for (path,) in store.read("SELECT DISTINCT path FROM db.documents WHERE in_corpus")
        for ending in endings(path)
    }
    if not known:
        return []
    return [
        Problem(str(file), 0, f"query {asked.key}: the corpus has no {path}")
        for asked in spec.queries
        for path, _ in asked.relevant
        if path not in known
    ]
