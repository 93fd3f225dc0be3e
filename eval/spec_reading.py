"""A spec file, read: ``{"corpus": ..., "queries": [{"query": ..., "relevant": [...]}]}``.

``relevant`` is a list of paths, or an object from path to grade. A query may have a ``kind`` and an
``id``. What is wrong with one query is named and leaves the others alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.identity import content_id, query_id
from core.records import GRADES, Problem, Query, QueryKind, Spec, SpecQuery
from core.storable import storable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SHAPE: Final = (
    'A spec looks like {"corpus": "crates", "queries": [{"query": "...", "relevant": ["a.rs"]}]}.'
)
_LARGEST_FILE: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class SpecReading:
    """A spec and what was left out of it. A problem's ``line`` is the query's number, from 1."""

    spec: Spec
    read: int
    problems: tuple[Problem, ...]


class _WrongQueryError(Exception):
    """One query cannot be used; the message says why."""


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
    """Return a spec with its id, which is made of its whole content."""
    content = [
        [asked.key, asked.query.text, asked.query.kind, sorted(asked.relevant, key=str)]
        for asked in queries
    ]
    return Spec(content_id(name, corpus, json.dumps(content)), name, corpus, tuple(queries))


def _json(path: Path) -> object:
    try:
        if path.is_file() and path.stat().st_size > _LARGEST_FILE:
            raise InputError("the spec is too large", where=str(path), todo="Split it in parts.")
        text = path.read_bytes().decode("utf-8-sig")
        document: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"the spec is not JSON: {error.msg}",
            where=f"{path}:{error.lineno}",
            todo="Mend that line, then import it again.",
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            "the spec is not UTF-8", where=str(path), todo="Save it as such."
        ) from error
    except RecursionError as error:
        raise InputError("the spec is nested too deeply", where=str(path), todo=_SHAPE) from error
    except ValueError as error:
        raise InputError("a number of it is too long", where=str(path), todo=_SHAPE) from error
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
