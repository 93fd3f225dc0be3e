"""A corpus and scored files read in, one after the other. Each is there whole or not at all."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING

from core.corpus.importing import import_corpus
from core.store.opening import open_store
from core.workspace import Workspace
from labels.pairs.importing import import_pairs
from tests.building import new_workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from core.store.sql import Row

FILES = ("one", "two")
LINES = 400
SOURCES = 25
CORPUS = "corpus"


def prepare(root: Path) -> None:
    open_store(new_workspace(root).folder).close()
    code = root / "code"
    code.mkdir()
    for n in range(SOURCES):
        text = "".join(f"def f{m}():\n    return {n * m}\n\n" for m in range(4))
        (code / f"m{n}.py").write_text(text, encoding="utf-8")
    for name in FILES:
        lines = [
            json.dumps(
                {
                    "query": f"{name} query {n // 3}",
                    "positive": f"def {name}{n}(): pass",
                    "file_path": f"{name}/{n}.py",
                    "llm_score": 1 + n % 5 if n % 50 else "none",
                }
            )
            for n in range(LINES)
        ]
        (root / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def beside() -> AbstractContextManager[str]:
    return nullcontext("")


def run(root: Path, _: str, say: Callable[[str], None]) -> None:
    with open_store(Workspace(root).folder) as store:
        import_corpus(store, root / "code")
        say(CORPUS)
        for name in FILES:
            import_pairs(store, root / f"{name}.jsonl")
            say(name)


def kept(root: Path) -> list[str]:
    found = []
    with open_store(Workspace(root).folder) as store:
        ((documents,),) = store.read("SELECT count(*) FROM db.documents WHERE in_corpus")
        assert documents in {0, 4 * SOURCES}, documents
        found += [CORPUS] * (documents > 0)
        for name in FILES:
            ((pairs, judged),) = store.read(
                "SELECT count(DISTINCT pairs.id), count(*) FROM db.pairs AS pairs"
                " JOIN db.judgments AS judgments ON judgments.pair_id = pairs.id"
                " JOIN db.judges AS judges ON judges.id = judgments.judge_id WHERE name = $1",
                [name],
            )
            assert pairs in {0, LINES}
            assert judged % LINES == 0
            found += [name] * (judged // LINES)
    return found


def check_whole(root: Path, unbroken: Path) -> None:
    assert _content(root) == _content(unbroken)
    assert sorted(kept(root)) == sorted([CORPUS, *FILES])


def _content(root: Path) -> dict[str, list[Row]]:
    """Return the rows of the tables that an import writes, without their times and event ids."""
    columns = {
        "documents": "id, path, symbol, start_line, text, in_corpus",
        "queries": "id, text",
        "pairs": "id, query_id, document_id",
        "judgments": "pair_id, judge_id, score, failure",
    }
    with open_store(Workspace(root).folder) as store:
        return {
            table: sorted(store.read(f"SELECT {names} FROM db.{table}"), key=repr)
            for table, names in columns.items()
        }
