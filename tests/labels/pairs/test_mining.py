"""Candidate pairs: the top, the relevant, a sample; twice is once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from uuid import UUID

import pytest

from core.errors import InputError
from core.ids import content_id, document_id, query_id, utc_now
from core.records import Document, DocumentKind, Origin, Progress, Query, QueryKind
from core.search import build_index
from core.store.opening import open_store
from core.store.tables import QUERY_COLUMNS, add_documents, add_queries, query_of_row
from labels.pairs.choosing import chosen_queries, require_corpus
from labels.pairs.mining import MiningPlan, candidates, mine, relevant_paths
from tests.building import new_workspace
from tui.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from core.store.database import Store
    from core.workspace import Workspace

QUERIES: Final = ("watch files change", "root of codebase", "zzz")


def document(path: str, symbol: str, text: str, kind: str = "function") -> Document:
    identifier = document_id(path, symbol, text)
    return Document(identifier, path, symbol, DocumentKind(kind), "rust", 1, 2, text)


DOCUMENTS: Final = [
    document("src/watcher.rs", "", "mod watcher", "module"),
    document("src/watcher.rs", "Watcher", "struct Watcher files change", "class"),
    document("src/watcher.rs", "watch", "fn watch(files) // change"),
    document("src/watcher.rs", "stop", "fn stop()"),
    document("src/watcher.rs", "poll", "fn poll(files)"),
    document("src/file_watcher.rs", "watch_files", "fn watch_files(change)"),
    document("src/project.rs", "", "mod project", "module"),
    document("src/project.rs", "root", "fn find() // up to .git"),
    *(document(f"src/n{n}.rs", f"f{n}", f"files {'x ' * n} word{n}") for n in range(30)),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return new_workspace(tmp_path)


@pytest.fixture
def store(store: Store) -> Store:
    fill(store)
    return store


def all_queries(store: Store) -> list[Query]:
    rows = store.read(f"SELECT {QUERY_COLUMNS} FROM db.queries ORDER BY text, id")
    return [query_of_row(row) for row in rows]


def fill(store: Store) -> None:
    with store.transaction() as cursor:
        add_documents(cursor, DOCUMENTS, in_corpus=True)
        add_documents(cursor, [document("old/watcher.rs", "w", "watch files")], in_corpus=False)
        add_queries(
            cursor,
            [Query(query_id(text), text, QueryKind.SEMANTIC) for text in QUERIES[:2]],
            Origin.SPEC,
        )
        add_queries(cursor, [Query(query_id("zzz"), "zzz", QueryKind.KEYWORD)], Origin.IMPORT)
        spec = content_id("spec")
        cursor.execute("INSERT INTO db.specs VALUES ($1, 'main', 'c', $2)", [spec, utc_now()])
        for place, (text, path) in enumerate(
            [(QUERIES[0], "watcher.rs"), (QUERIES[1], "src/project.rs"), (QUERIES[1], "gone.rs")]
        ):
            query = query_id(text)
            cursor.execute(
                "INSERT INTO db.spec_queries VALUES ($1, $2, $3, '', NULL)", [spec, place, query]
            )
            cursor.execute(
                "INSERT INTO db.spec_relevant VALUES ($1, $2, $3, NULL)", [spec, query, path]
            )


def run_mine(store: Store, plan: MiningPlan) -> tuple[int, int, tuple[tuple[str, str], ...]]:
    relevant = relevant_paths(store)
    report = mine(store, build_index(store), all_queries(store), plan, relevant=relevant)
    assert not report.cancelled
    return report.found, report.added, report.not_found


def pairs(store: Store, query: str) -> dict[tuple[str, str], tuple[str, float | None]]:
    rows = store.read(
        "SELECT path, symbol, origin, inclusion_probability FROM db.pairs AS pairs"
        " JOIN db.documents AS documents ON documents.id = document_id WHERE query_id = $1",
        [query_id(query)],
    )
    return {(path, symbol): (origin, chance) for path, symbol, origin, chance in rows}


def test_the_relevant_documents_that_rank_best_are_pairs(store: Store) -> None:
    _, _, not_found = run_mine(store, MiningPlan(top=0))
    found = pairs(store, QUERIES[0])
    assert set(found) == {
        ("src/watcher.rs", "Watcher"),
        ("src/watcher.rs", "watch"),
        ("src/watcher.rs", "poll"),
    }
    assert set(found.values()) == {("relevant", None)}
    assert not_found == ((QUERIES[1], "gone.rs"),)


def test_a_relevant_file_that_shares_no_word_gives_its_module(store: Store) -> None:
    with store.transaction() as cursor:
        cursor.execute("UPDATE db.documents SET symbol = 'find' WHERE symbol = 'root'")
    run_mine(store, MiningPlan(top=0))
    assert pairs(store, QUERIES[1]) == {("src/project.rs", ""): ("relevant", None)}


def test_the_top_are_lexical_pairs_of_the_corpus_only(store: Store) -> None:
    run_mine(store, MiningPlan(top=5))
    found = pairs(store, QUERIES[0])
    assert found["src/file_watcher.rs", "watch_files"] == ("lexical", None)
    assert found["src/watcher.rs", "watch"] == ("relevant", None), "the first origin stays"
    assert not any(path.startswith("old/") for path, _ in found)
    assert pairs(store, "zzz") == {}


def test_mining_twice_adds_nothing(store: Store) -> None:
    found, added, _ = run_mine(store, MiningPlan(top=5, sample=4))
    assert found == added > 5
    assert run_mine(store, MiningPlan(top=5, sample=4))[:2] == (found, 0)


def test_a_sample_keeps_its_inclusion_probability(store: Store) -> None:
    run_mine(store, MiningPlan(top=3, sample=4))
    chances = [chance for _, chance in pairs(store, QUERIES[0]).values() if chance is not None]
    ranked = build_index(store).rank(QUERIES[0], 103)[3:]
    pool = [one for one, _ in ranked if one not in {item.id for item in DOCUMENTS[:5]}]
    assert chances == [4 / len(pool)] * 4


class Ranked:
    """A retriever with one fixed ranking."""

    origin: Final = Origin.MISS

    def __init__(self, count: int) -> None:
        self.ranking = [(UUID(int=n), 1.0 / (1 + n)) for n in range(count)]

    def rank(self, query_text: str, top: int) -> Sequence[tuple[UUID, float]]:
        return self.ranking[:top] if query_text else []

    def rank_among(
        self, query_text: str, documents: Sequence[UUID], top: int
    ) -> Sequence[tuple[UUID, float]]:
        return [one for one in self.rank(query_text, 999) if one[0] in documents][:top]


def test_any_retriever_can_find_candidates() -> None:
    query = Query(query_id("q"), "q")
    found = candidates(query, Ranked(200), MiningPlan(top=10, sample=5))
    assert [pair.document_id.int for pair in found[:10]] == list(range(10))
    assert {pair.origin for pair in found} == {Origin.MISS}
    assert [pair.inclusion_probability for pair in found[10:]] == [5 / 100] * 5
    assert all(10 <= pair.document_id.int < 110 for pair in found[10:])
    few = candidates(query, Ranked(12), MiningPlan(top=10, sample=5))
    assert [pair.inclusion_probability for pair in few[10:]] == [1.0, 1.0]


def test_a_stopped_run_keeps_its_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labels.pairs.mining._BATCH", 1)
    seen: list[Progress] = []
    report = mine(
        store,
        build_index(store),
        all_queries(store),
        MiningPlan(),
        progress=seen.append,
        cancelled=lambda: len(seen) == 1,
    )
    assert report.cancelled
    assert (report.queries, seen[-1].done, seen[-1].total) == (1, 1, 3)
    assert store.read("SELECT count(*) FROM db.pairs") == [(report.added,)]


def test_queries_are_chosen_by_kind_and_spec(store: Store) -> None:
    assert [one.text for one in chosen_queries(store, kind=QueryKind.KEYWORD)] == ["zzz"]
    of_spec = {one.text for one in chosen_queries(store, spec_name="main")}
    assert of_spec == set(QUERIES[:2])
    with pytest.raises(InputError, match="no spec named other"):
        chosen_queries(store, spec_name="other")
    with pytest.raises(InputError, match="no keyword queries in the spec main"):
        chosen_queries(store, spec_name="main", kind=QueryKind.KEYWORD)


def test_the_command_says_what_to_import_first(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["pairs", "mine", "--workspace", str(workspace.root), "--json"]
    assert main(words) == 2
    assert "rejudge import corpus" in capsys.readouterr().err
    with open_store(workspace.folder) as opened:
        with opened.transaction() as cursor:
            add_documents(cursor, DOCUMENTS, in_corpus=True)
        require_corpus(opened)
    assert main(words) == 2
    assert "rejudge import spec" in capsys.readouterr().err


def test_the_command_answers_with_what_was_added(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_store(workspace.folder) as opened:
        fill(opened)
    words = ["pairs", "mine", "--workspace", str(workspace.root), "--top", "4"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["added"] == answer["found"] > 4
    assert answer["not_found"] == [{"query": QUERIES[1], "path": "gone.rs"}]
    assert main(words) == 0
    assert capsys.readouterr().out.startswith(f"0 new pairs, {answer['found']} known")
