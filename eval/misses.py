"""The queries that an eval missed: as records, as files, and as corrections of the spec.

Ground truth has holes. Paths that a person marks as relevant after all are collected by day: marks
on ``searches`` of 3 May 2030 make the spec ``searches+2030-05-03``, in the store and as a file
under ``.rejudge/specs`` that says who marked what, and in which eval. The old spec stays.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.files import write_atomically
from core.ids import utc_now
from core.text import displayable_line
from eval.evals import load_eval, top_results
from eval.metrics import BEST_GRADE, meets
from eval.specs import add_spec, load_spec_by_id, make_spec, specs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from core.records import Spec, SpecQuery
    from core.store.database import Store
    from eval.evals import Eval, EvalSummary, QueryResult
    from eval.retrievers.base import Found


SPECS_NAME: Final = "specs"
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~!&])")
_DAY: Final = re.compile(r"\+\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class Miss:
    """A query without a relevant path in the top k.

    ``above`` has the results above the first relevant one, best first, as many as requested.
    """

    result: QueryResult
    above: tuple[Found, ...]


def misses(store: Store, done: Eval, *, shown: int | None = None) -> tuple[Miss, ...]:
    """Return the missed queries in the order of the spec.

    Args:
        store: holds the results.
        done: the eval.
        shown: how many of the results above to return; None: the eval's cut-off.
    """
    k = done.summary.k
    missed = [result for result in done.queries if result.missed(k)]
    positions = [result.position for result in missed]
    tops = top_results(store, done.summary.id, positions, shown or k)
    return tuple(
        Miss(result, tops[result.position][: result.rank - 1 if result.rank else None])
        for result in missed
    )


def misses_markdown(summary: EvalSummary, missed: Sequence[Miss]) -> str:
    """Return the misses as a Markdown page. Outside text is escaped, never markup."""
    scored = summary.by_kind[0].queries if summary.by_kind else 0
    counts = f"{len(missed)} of {scored} queries have no wanted path in the top {summary.k}."
    lines = [
        f"# Misses of {_plain(summary.retriever)} on {_plain(summary.spec_name)}",
        "",
        f"{counts} Eval {summary.id}.",
    ]
    for miss in missed:
        lines += ["", *_section(miss)]
    return "\n".join(lines) + "\n"


def _section(miss: Miss) -> list[str]:
    query = miss.result.query
    kind = f" ({query.kind})" if query.kind else ""
    lines = [f"## {_plain(query.text)}{kind}", ""]
    for wanted in miss.result.wanted:
        place = f"rank {wanted.rank}" if wanted.rank else "not found"
        grade = f", grade {wanted.grade}" if wanted.grade else ""
        lines.append(f"- wanted: {_plain(wanted.path)} ({place}{grade})")
    if miss.above:
        lines += ["", "Above it:", ""]
    lines += [f"{rank}. {_plain(found.path)}" for rank, found in enumerate(miss.above, start=1)]
    return lines


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", displayable_line(text))


def write_misses(file: Path, page: str) -> None:
    """Write a page of misses to a file.

    Raises:
        InputError: the file cannot be written; it is as it was.
    """
    try:
        write_atomically(file, page)
    except OSError as error:
        raise InputError(
            f"the misses cannot be written: {error.strerror}",
            where=str(file),
            todo="Name another file.",
        ) from error


def write_miss_files(store: Store, summary: EvalSummary, target: Path) -> tuple[Path, Path]:
    """Write ``target`` with the endings ``.md`` and ``.json`` and return both files.

    Raises:
        InputError: the name is empty, or a file cannot be written.
    """
    name = target.name.removesuffix(".md").removesuffix(".json")
    if not name or target.is_dir():
        raise InputError("no file is named", where=str(target), todo="Type a name.")
    missed = misses(store, load_eval(store, summary.id))
    page, data = (target.with_name(name + ending) for ending in (".md", ".json"))
    document = json.dumps(misses_document(summary, missed), indent=1, ensure_ascii=False)
    write_misses(page, misses_markdown(summary, missed))
    write_misses(data, document + "\n")
    return page, data


def misses_document(summary: EvalSummary, missed: Sequence[Miss]) -> dict[str, object]:
    """Return the misses as ``rejudge misses --json`` gives them."""
    return {
        "eval": str(summary.id),
        "k": summary.k,
        "queries": summary.by_kind[0].queries if summary.by_kind else 0,
        "misses": [_miss(miss) for miss in missed],
    }


def _miss(miss: Miss) -> dict[str, object]:
    document = result_document(miss.result)
    del document["problem"]
    return {**document, "above": found_documents(miss.above)}


def result_document(result: QueryResult) -> dict[str, object]:
    """Return the result of a query, ready for JSON."""
    return {
        "query": result.query.text,
        "kind": result.query.kind,
        "rank": result.rank,
        "relevant": [wanted.path for wanted in result.wanted],
        "grades": [wanted.grade for wanted in result.wanted],
        "ranks": [wanted.rank for wanted in result.wanted],
        "problem": result.problem or None,
    }


def found_documents(ranking: Iterable[Found]) -> list[dict[str, object]]:
    """Return results with their scores."""
    return [
        {
            "path": found.path,
            "score": found.score,
            "document": str(found.document_id) if found.document_id else None,
        }
        for found in ranking
    ]


@dataclass(frozen=True, slots=True)
class Amended:
    """The spec that a mark made, with its file."""

    spec: Spec
    file: Path


def mark_relevant(
    store: Store,
    summary: EvalSummary,
    query: UUID,
    path: str,
    *,
    annotator: str,
    now: datetime | None = None,
) -> Amended:
    """Add a path to what should be found for a query.

    The new spec continues the newest amendment of the eval's spec. If the query's paths are graded,
    the new path gets the best grade.

    Args:
        store: gets the spec; the file goes to ``specs`` in its folder.
        summary: the eval in which the path was found.
        query: the id of a query of that eval's spec.
        path: a path of the corpus.
        annotator: who marks it.
        now: the time of the mark in UTC; None for the current time.

    Raises:
        InputError: the spec lacks the query or has the path already, or the file cannot be
            written; the store is unchanged.
    """
    when = now or utc_now()
    before = _newest(store, summary, query)
    asked = next((known for known in before.queries if known.query.id == query), None)
    if asked is None:
        raise InputError(
            f"the spec {before.name} does not ask this query",
            todo="Run the eval again on the current spec.",
        )
    if any(meets(path, known) for known, _ in asked.relevant):
        raise InputError(
            "this path is relevant already", where=before.name, todo="Run the eval again on it."
        )
    amended = _with_path(before, asked, path, f"{family_name(before.name)}+{when:%Y-%m-%d}")
    file = store.folder / SPECS_NAME / f"{amended.name}.json"
    mark = {
        "query": asked.query.text,
        "path": path,
        "eval": str(summary.id),
        "retriever": summary.retriever,
        "annotator": annotator,
        "marked": f"{when.isoformat(timespec='seconds')}Z",
    }
    text = _spec_text(amended, before.name, [*_marks(file), mark])
    try:
        file.parent.mkdir(exist_ok=True)
        write_atomically(file, text)
    except OSError as error:
        raise InputError(
            f"the spec cannot be written: {error.strerror}",
            where=str(file),
            todo="Make room for it, then mark the path again.",
        ) from error
    add_spec(store, amended)
    return Amended(amended, file)


def _newest(store: Store, summary: EvalSummary, query: UUID) -> Spec:
    """Return the newest spec of the eval's family that asks the query, else the eval's own."""
    base = family_name(summary.spec_name)
    family = [
        spec
        for spec in specs(store)
        if family_name(spec.name) == base and any(asked.query.id == query for asked in spec.queries)
    ]
    # Dates sort by time as text, and the name without a date sorts first.
    return (
        max(family, key=lambda spec: spec.name)
        if family
        else load_spec_by_id(store, summary.spec_id)
    )


def family_name(name: str) -> str:
    """Return the name of the spec that this one amends, or its own: ``a`` for ``a+2030-05-03``."""
    return _DAY.sub("", name)


def _with_path(spec: Spec, asked: SpecQuery, path: str, name: str) -> Spec:
    graded = any(grade is not None for _, grade in asked.relevant)
    relevant = (*asked.relevant, (path, BEST_GRADE if graded else None))
    queries = [
        replace(known, relevant=relevant) if known is asked else known for known in spec.queries
    ]
    return make_spec(name, spec.corpus, queries)


def _spec_text(spec: Spec, amends: str, marks: Sequence[object]) -> str:
    document: dict[str, object] = {
        "corpus": spec.corpus,
        "queries": [_query(asked) for asked in spec.queries],
        "provenance": {"amends": family_name(amends), "marks": list(marks)},
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _query(asked: SpecQuery) -> dict[str, object]:
    graded = any(grade is not None for _, grade in asked.relevant)
    relevant = dict(asked.relevant) if graded else [path for path, _ in asked.relevant]
    entry: dict[str, object] = {"id": asked.key, "query": asked.query.text, "relevant": relevant}
    if asked.query.kind is not None:
        entry["kind"] = asked.query.kind.value
    return entry


def _marks(file: Path) -> list[object]:
    """Return the marks in today's file; none if somebody changed it beyond recognition."""
    try:
        known = json.loads(file.read_text(encoding="utf-8"))["provenance"]["marks"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return known if isinstance(known, list) else []
