"""A path found in an eval that is relevant after all: a new spec beside the old one.

Ground truth has holes. What a person fills in is gathered by day: marks on ``searches`` of 3 May
2030 make the spec ``searches+2030-05-03``, in the store and as a file under ``.rejudge/specs`` that
says who marked what, and in which eval. The old spec stays as it is.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.store import utc_now
from eval.metrics import BEST_GRADE
from eval.metrics_hits import meets
from eval.missed_markdown import write_misses
from eval.spec_reading import make_spec
from eval.spec_store import add_spec, load_spec_by_id, specs

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from core.records import Spec, SpecQuery
    from core.store import Store
    from eval.evaluating_records import EvalSummary

SPECS_NAME: Final = "specs"
_DAY: Final = re.compile(r"\+\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class Amended:
    """The spec that a mark made, and its file."""

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

    The new spec goes on from the newest of the eval's spec and its amended ones. Where the query's
    paths are graded, this one gets the best grade.

    Args:
        store: gets the spec; its file goes under ``specs`` in the same folder.
        summary: the eval in which the path was found.
        query: the id of a query of that eval's spec.
        path: a path of the corpus.
        annotator: who says so.
        now: the time of the mark in UTC; None: now.

    Raises:
        InputError: the spec does not ask the query, or has the path already; or the file cannot be
            written, and then the store is as it was.
    """
    when = now or utc_now()
    before = _newest(store, summary, query)
    asked = next((each for each in before.queries if each.query.id == query), None)
    if asked is None:
        raise InputError(
            f"the spec {before.name} does not ask this query",
            todo="Run the eval again on the spec of now.",
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
    _write(file, amended, before.name, mark)
    add_spec(store, amended)
    return Amended(amended, file)


def _newest(store: Store, summary: EvalSummary, query: UUID) -> Spec:
    """Return the newest spec of the eval's family that asks the query, else the eval's own."""
    base = family_name(summary.spec_name)
    family = [
        spec
        for spec in specs(store)
        if family_name(spec.name) == base and any(each.query.id == query for each in spec.queries)
    ]
    # A day written as year, month and day sorts by time, and no day comes before any.
    return (
        max(family, key=lambda spec: spec.name)
        if family
        else load_spec_by_id(store, summary.spec_id)
    )


def family_name(name: str) -> str:
    """Return the name of the spec that this one amends, or its own: ``a`` of ``a+2030-05-03``."""
    return _DAY.sub("", name)


def _with_path(spec: Spec, asked: SpecQuery, path: str, name: str) -> Spec:
    graded = any(grade is not None for _, grade in asked.relevant)
    relevant = (*asked.relevant, (path, BEST_GRADE if graded else None))
    queries = [replace(each, relevant=relevant) if each is asked else each for each in spec.queries]
    return make_spec(name, spec.corpus, queries)


def _write(file: Path, spec: Spec, amends: str, mark: dict[str, str]) -> None:
    document: dict[str, object] = {
        "corpus": spec.corpus,
        "queries": [_query(each) for each in spec.queries],
        "provenance": {"amends": family_name(amends), "marks": [*_marks(file), mark]},
    }
    try:
        file.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the spec cannot be written: {error.strerror}", where=str(file.parent)
        ) from error
    write_misses(file, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _query(asked: SpecQuery) -> dict[str, object]:
    graded = any(grade is not None for _, grade in asked.relevant)
    relevant = dict(asked.relevant) if graded else [path for path, _ in asked.relevant]
    entry: dict[str, object] = {"id": asked.key, "query": asked.query.text, "relevant": relevant}
    if asked.query.kind is not None:
        entry["kind"] = asked.query.kind.value
    return entry


def _marks(file: Path) -> list[object]:
    """Return the marks that the file of today holds already; none where somebody changed it."""
    try:
        known = json.loads(file.read_text(encoding="utf-8"))["provenance"]["marks"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return known if isinstance(known, list) else []
