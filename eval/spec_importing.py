"""A spec file into the store, checked against the corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.records import ImportReport, Problem
from eval.metrics_hits import endings
from eval.spec_reading import read_spec
from eval.spec_store import add_spec

if TYPE_CHECKING:
    from pathlib import Path

    from core.records import Spec
    from core.store import Store


def import_spec(store: Store, path: Path) -> ImportReport:
    """Read a spec file in. Its name is the file's, without the ending.

    A relevant path that the corpus lacks is named among the problems, but kept: the corpus may be
    imported later. Without a corpus no path is checked.

    Returns:
        ``read`` counts the queries of the file, ``added`` those of a new spec, ``skipped`` those
        that cannot be used.

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
