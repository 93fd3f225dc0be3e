from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.errors import InputError
from core.jobs import Job
from core.records import QueryKind
from core.search import word_overlap
from core.store.opening import open_store
from eval.comparing import Change
from eval.corpus import load_corpus
from eval.evals import goal_figures
from eval.evaluating import evaluate
from eval.queries import (
    QueryFilter,
    Shown,
    filtered,
    parse_query_filter,
    query_detail,
    query_details,
    query_filter_text,
    query_rows,
)
from tests.building import new_workspace
from tests.eval.eval_building import FILES, FixedRetriever, add_corpus, add_spec, asked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.records import Spec
    from core.store.database import Store
    from eval.evals import EvalSummary


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    with open_store(new_workspace(tmp_path).folder) as opened:
        add_corpus(opened, FILES)
        yield opened


@pytest.fixture(name="spec")
def _spec(store: Store) -> Spec:
    return add_spec(
        store,
        asked("changes on disk", "watcher.rs"),
        asked("listen", "server.rs", kind=QueryKind.KEYWORD),
        asked("find root", ("src/project.rs", 5), ("lib/project.rs", 2)),
        asked("never found", "gone.rs"),
    )


def evaluated(store: Store, spec: Spec, results: dict[str, list[str]]) -> EvalSummary:
    retriever = FixedRetriever(results)
    return evaluate(store, spec, load_corpus(store), retriever, Job(), k=1).summary


BEFORE = {
    "changes on disk": ["src/watcher.rs"],
    "find root": ["src/server.rs", "src/project.rs"],
}
AFTER = {
    "changes on disk": ["src/file_watcher.rs", "src/watcher.rs"],
    "listen": ["src/server.rs"],
    "find root": ["lib/project.rs", "src/server.rs", "src/project.rs"],
}


def test_rows_tell_ranks_now_and_before(store: Store, spec: Spec) -> None:
    before = evaluated(store, spec, BEFORE)
    after = evaluated(store, spec, AFTER)
    rows = query_rows(store, after.id, after.k, before.id)
    assert [(row.rank, row.before) for row in rows] == [(2, 1), (1, None), (3, 2), (None, None)]
    assert [row.change for row in rows] == [Change.BROKEN, Change.FIXED, Change.WORSE, None]
    assert "gone.rs" in rows[3].problem
    assert [row.missed for row in rows] == [True, False, True, False]
    assert {row.change for row in query_rows(store, after.id, after.k)} == {None}

    def texts(wanted: QueryFilter) -> list[str]:
        return [row.text for row in filtered(rows, wanted)]

    assert texts(QueryFilter()) == ["changes on disk", "find root"]
    assert texts(QueryFilter(Shown.REGRESSIONS)) == ["changes on disk", "find root"]
    assert texts(QueryFilter(Shown.FIXED)) == ["listen"]
    assert texts(QueryFilter(Shown.ALL, QueryKind.KEYWORD)) == ["listen"]
    assert texts(QueryFilter(Shown.ALL, text="ROOT")) == ["find root"]


def test_a_filter_line_reads_back(store: Store) -> None:
    for wanted in (QueryFilter(), QueryFilter(Shown.ALL, QueryKind.SEMANTIC, "two words")):
        assert parse_query_filter(query_filter_text(wanted)) == wanted
    assert QueryFilter().next_shown().shown is Shown.REGRESSIONS
    assert QueryFilter(Shown.ALL).next_shown().shown is Shown.MISSES
    with pytest.raises(InputError, match="is:red"):
        parse_query_filter("is:red")


def test_the_detail_has_the_wanted_documents_and_what_stands_above(
    store: Store, spec: Spec
) -> None:
    summary = evaluated(store, spec, AFTER)
    detail = query_detail(store, summary, 0)
    assert [(each.path, each.rank) for each in detail.wanted] == [("src/watcher.rs", 2)]
    assert [(each.path, each.rank) for each in detail.above] == [("src/file_watcher.rs", 1)]
    assert detail.wanted[0].document is not None
    assert detail.wanted[0].overlap.shared == ("changes", "disk")
    assert detail.above[0].overlap.absent == ("changes", "disk")
    assert len(detail.documents) == 2
    # A path listed with a low grade is no hit, and says so where it stands above.
    graded = query_detail(store, summary, 2)
    assert [(each.path, each.rank) for each in graded.wanted] == [("src/project.rs", 3)]
    assert [(each.path, each.grade) for each in graded.above] == [("lib/project.rs", 2)]
    lost = query_detail(store, summary, 3)
    assert "gone.rs" in lost.problem
    assert (lost.wanted, lost.above, lost.documents) == ((), (), ())
    with pytest.raises(InputError, match="no such query"):
        query_detail(store, summary, 99)


def test_queries_read_together_are_as_read_alone(store: Store, spec: Spec) -> None:
    summary = evaluated(store, spec, AFTER)
    together = query_details(store, summary, [3, 0, 2])
    assert list(together) == [3, 0, 2]
    assert all(one == query_detail(store, summary, place) for place, one in together.items())
    with pytest.raises(InputError, match="no such query"):
        query_details(store, summary, [0, 99])


def test_a_wanted_path_that_was_not_found_shows_its_likeliest_document(
    store: Store, spec: Spec
) -> None:
    summary = evaluated(store, spec, {})
    detail = query_detail(store, summary, 0)
    assert (detail.rank, detail.above) == (None, ())
    assert detail.wanted[0].document is not None
    assert detail.wanted[0].document.path == "src/watcher.rs"


def test_figures_stand_beside_their_goals(store: Store, spec: Spec) -> None:
    retriever = FixedRetriever({"listen": ["src/server.rs"]})
    summary = evaluate(store, spec, load_corpus(store), retriever, Job()).summary
    semantic, keyword = goal_figures(summary)
    assert (semantic.kind, semantic.value, semantic.goal, semantic.met) == (
        "semantic",
        0.0,
        0.9,
        False,
    )
    assert (keyword.kind, keyword.value, keyword.goal, keyword.met) == ("keyword", 1.0, 0.95, True)
    assert {each.goal for each in goal_figures(evaluated(store, spec, {}))} == {None}


def test_words_overlap_as_code_splits_them() -> None:
    overlap = word_overlap("find the root of HTTPServer", "fn root_of(server: HttpServer)")
    assert overlap.shared == ("root", "http", "server")
    assert overlap.absent == ("find",)
    assert overlap.share == pytest.approx(0.75)
    assert word_overlap("", "x").share == 0
