"""Evals of BM25, one after the other. Each is there whole or not at all."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from core.jobs import Job
from core.store.opening import open_store
from core.workspace import Workspace
from eval.corpus import load_corpus
from eval.evaluating import evaluate
from eval.retrievers.lexical import build_lexical
from eval.specs import add_spec, load_spec, make_spec
from tests.building import new_workspace
from tests.eval.eval_building import add_corpus, asked

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from core.store.sql import Row

EVALS = 6
QUERIES = 30
DOCUMENTS = 120
SPEC = "searches"
#: Rows of an eval in each of its tables: the queries are of one kind, so figures come twice.
TABLES = ("eval_queries", "eval_relevant", "eval_results", "eval_figures")


def prepare(root: Path) -> None:
    files = {f"m{n}.py": f"word{n % 40} word{n % 7} fill" for n in range(DOCUMENTS)}
    queries = [asked(f"word{n} word{n % 7}", f"m{n}.py") for n in range(QUERIES)]
    with open_store(new_workspace(root).folder) as store:
        add_corpus(store, files)
        add_spec(store, make_spec(SPEC, "", queries))


def beside() -> AbstractContextManager[str]:
    return nullcontext("")


def run(root: Path, _: str, say: Callable[[str], None]) -> None:
    with open_store(Workspace(root).folder) as store:
        spec = load_spec(store, SPEC)
        ((done,),) = store.read("SELECT count(*) FROM db.evals")
        for _number in range(done, EVALS):
            corpus = load_corpus(store)
            retriever = build_lexical(store, corpus, Job())
            say(str(evaluate(store, spec, corpus, retriever, Job()).summary.id))


def kept(root: Path) -> list[str]:
    with open_store(Workspace(root).folder) as store:
        evals = [str(identifier) for (identifier,) in store.read("SELECT id FROM db.evals")]
        for table in TABLES:
            rows: dict[str, int] = dict(
                store.read(
                    f"SELECT CAST(eval_id AS VARCHAR), count(*) FROM db.{table} GROUP BY eval_id"
                )
            )
            assert rows.keys() == set(evals), table
            assert len(set(rows.values())) <= 1, table
    return evals


def check_whole(root: Path, unbroken: Path) -> None:
    own, other = _content(root), _content(unbroken)
    assert own == other
    assert len(kept(root)) == EVALS


def _content(root: Path) -> list[list[Row]]:
    columns = {
        "eval_queries": "position, query_id, kind, rank, problem",
        "eval_results": "position, rank, path, score",
        "eval_figures": "kind, metric, queries, mean, low, high",
    }
    with open_store(Workspace(root).folder) as store:
        return [
            sorted(store.read(f"SELECT {names} FROM db.{table}"), key=repr)
            for table, names in columns.items()
        ]
