from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.errors import CancelledError, InputError
from core.jobs import Job
from core.records import Progress, QueryKind
from core.store.opening import open_store
from eval.corpus import load_corpus
from eval.evals import find_eval, list_evals, load_eval, top_results
from eval.evaluating import evaluate
from tests.building import new_workspace
from tests.eval.eval_building import FILES, FixedRetriever, add_corpus, add_spec, asked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.records import SpecQuery
    from core.store.database import Store
    from eval.evals import Eval

TABLES = ("evals", "eval_queries", "eval_relevant", "eval_results", "eval_figures", "eval_notices")


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    with open_store(new_workspace(tmp_path).folder) as store:
        add_corpus(store, FILES)
        yield store


def run(
    store: Store, results: dict[str, list[str]], *queries: SpecQuery, job: Job | None = None
) -> Eval:
    spec = add_spec(store, *queries)
    return evaluate(store, spec, load_corpus(store), FixedRetriever(results), job or Job())


def test_ranks_and_figures_are_those_of_the_results(store: Store) -> None:
    done = run(
        store,
        {
            "changes on disk": ["src/file_watcher.rs", "src/watcher.rs"],
            "sockets": ["src/server.rs"],
            "root": ["src/watcher.rs"],
        },
        asked("changes on disk", "watcher.rs"),
        asked("sockets", "server.rs", kind=QueryKind.KEYWORD),
        asked("root", "project.rs"),
    )
    assert [result.rank for result in done.queries] == [2, 1, None]
    assert [result.missed(10) for result in done.queries] == [False, False, True]
    figures = {group.kind: group.figures for group in done.summary.by_kind}
    assert figures[""]["MRR"].value == pytest.approx((0.5 + 1) / 3)
    assert figures["semantic"]["Success@10"].value == 0.5
    assert figures["keyword"]["P@1"].value == 1.0
    recall = figures[""]["R@10"]
    assert recall.value is not None
    assert recall.low is not None
    assert recall.high is not None
    assert recall.low < recall.value < recall.high


def test_what_is_stored_is_what_was_found(store: Store) -> None:
    done = run(
        store,
        {"a query": ["src/server.rs", "src/watcher.rs"]},
        asked("a query", ("watcher.rs", 5), ("src/server.rs", 2)),
        asked("another", "nowhere.rs"),
    )
    loaded = load_eval(store, done.summary.id)
    assert loaded.summary == done.summary
    assert [(each.rank, each.problem) for each in loaded.queries] == [
        (2, ""),
        (None, "the corpus has no nowhere.rs"),
    ]
    assert set(loaded.queries[0].wanted) == set(done.queries[0].wanted)
    found = top_results(store, done.summary.id, [0], 100)[0]
    assert [each.path for each in found] == ["src/server.rs", "src/watcher.rs"]


def test_a_query_that_cannot_be_scored_is_named_and_left_out(store: Store) -> None:
    done = run(
        store,
        {"good": ["src/server.rs"]},
        asked("good", "server.rs"),
        asked("gone", "crates/gone.rs"),
        asked("  ", "server.rs"),
        asked("good", "watcher.rs"),
        asked("low", ("server.rs", 2)),
        asked("nothing named"),
    )
    assert done.summary.figures["R@10"].value == 1.0
    assert done.summary.by_kind[0].queries == 1
    notices = "\n".join(done.summary.notices)
    assert "the corpus has no crates/gone.rs" in notices
    assert "the query is empty: query 3" in notices
    assert "this query twice, the second is left out: good" in notices
    assert "no path has a grade of 4 or more: low" in notices
    assert "no path is named as relevant" in notices
    assert not any(result.missed(10) for result in done.queries)


def test_a_wanted_path_that_is_nowhere_does_not_lower_recall(store: Store) -> None:
    done = run(store, {"q": ["src/server.rs"]}, asked("q", "server.rs", "gone.rs"))
    assert done.summary.figures["R@10"].value == 1.0
    assert done.summary.notices == ("the corpus has no gone.rs, wanted for: q",)


def test_two_names_of_one_file_are_one_wanted_path(store: Store) -> None:
    done = run(
        store,
        {"q": ["src/server.rs"]},
        asked("q", "server.rs", "./src/server.rs", "src\\server.rs"),
    )
    assert len(done.queries[0].wanted) == 1
    assert done.summary.figures["R@5"].value == 1.0


def test_a_spec_of_nothing_but_problems_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="no query that can be scored"):
        run(store, {}, asked("q", "gone.rs"))
    with pytest.raises(InputError, match="no query that can be scored"):
        run(store, {})
    assert list_evals(store) == []


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_stopped_eval_leaves_nothing(store: Store, after: int) -> None:
    seen: list[Progress] = []
    job = Job(seen.append, lambda: len(seen) > after)
    with pytest.raises(CancelledError):
        run(store, {}, asked("a", "server.rs"), asked("b", "server.rs"), job=job)
    for table in TABLES:
        assert store.read(f"SELECT count(*) FROM db.{table}") == [(0,)]


def test_an_eval_is_found_by_its_digits_or_its_age(store: Store) -> None:
    first = run(store, {}, asked("a", "server.rs")).summary
    second = run(store, {}, asked("a", "server.rs")).summary
    assert [each.id for each in list_evals(store)] == [second.id, first.id]
    assert find_eval(store, "latest").id == second.id
    assert find_eval(store, "previous").id == first.id
    assert find_eval(store, first.id.hex[-8:]).id == first.id
    assert find_eval(store, str(second.id)).id == second.id
    for wrong in ("", "zz", "0"):
        with pytest.raises(InputError, match="the id"):
            find_eval(store, wrong)


def test_no_corpus_is_said_so(tmp_path: Path) -> None:
    with (
        open_store(new_workspace(tmp_path / "empty").folder) as store,
        pytest.raises(InputError, match="no corpus"),
    ):
        load_corpus(store)
