"""The offline baseline says what it saw, and the same every time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.store.opening import open_store
from core.store.tables import add_documents
from labels.judges.judging import JudgingPlan, judge_pairs
from labels.judges.lexical import build_lexical_judge, lexical_score
from tests.building import Scored, add_scored, new_workspace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("rank", "shared", "words", "score"),
    [
        (1, 5, 5, 5),
        (3, 3, 5, 5),
        (4, 5, 5, 4),
        (1, 2, 5, 4),
        (11, 5, 5, 3),
        (50, 2, 8, 3),
        (51, 8, 8, 2),
        (1, 1, 8, 2),
        (None, 1, 8, 2),
        (None, 0, 8, 1),
        (None, 0, 0, 1),
    ],
)
def test_the_thresholds(rank: int | None, shared: int, words: int, score: int) -> None:
    assert lexical_score(rank, shared, words) == score


def test_it_tells_rank_and_overlap_and_never_changes_its_mind(tmp_path: Path) -> None:
    rows = [
        Scored("watch changed files", "def watch_changed_files(): pass", score=0, path="w.py"),
        Scored("watch changed files", "def add(a, b): return a + b", score=0, path="x.py"),
        Scored("the of", "def watch(): pass", score=0, path="y.py"),
    ]
    with open_store(new_workspace(tmp_path).folder) as store:
        add_scored(store, rows)
        judge = build_lexical_judge(store)
        judge_pairs(store, lambda: judge, JudgingPlan())
        found = store.read(
            "SELECT path, score, rationale FROM db.judgments JOIN db.pairs ON pairs.id = pair_id"
            " JOIN db.documents ON documents.id = document_id ORDER BY path"
        )
        assert [row[1] for row in found] == [5, 1, 1]
        assert found[0][2] == (
            "BM25 rank 1 of 3; 3 of 3 query words occur in the code."
            " A baseline without a model, not an LLM."
        )
        assert found[1][2].startswith("Not ranked by BM25; 0 of 3")
        again = build_lexical_judge(store)
        assert again.judge.id == judge.judge.id


def test_a_document_outside_the_corpus_is_ranked_among_all(tmp_path: Path) -> None:
    with open_store(new_workspace(tmp_path).folder) as store:
        add_scored(store, [Scored("parse dates", "def parse_dates(): pass", score=0)])
        with store.transaction() as cursor:
            cursor.execute("UPDATE db.documents SET in_corpus = false")
            add_documents(cursor, [], in_corpus=True)
        judge = build_lexical_judge(store)
        assert judge_pairs(store, lambda: judge, JudgingPlan()).judged == 1
        assert store.read("SELECT score FROM db.judgments") == [(5,)]
