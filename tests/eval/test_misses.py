from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.errors import InputError
from core.jobs import Job
from core.records import QueryKind
from core.store.opening import open_store
from eval.corpus import load_corpus
from eval.evaluating import evaluate
from eval.misses import misses, misses_markdown, write_misses
from tests.building import new_workspace
from tests.eval.eval_building import FILES, FixedRetriever, add_corpus, add_spec, asked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.store.database import Store
    from eval.evals import Eval

HOSTILE = "[click](http://x) *bold*\x1b]0;x\x07 <b>"


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    with open_store(new_workspace(tmp_path).folder) as store:
        add_corpus(store, FILES)
        yield store


def evaluated(store: Store) -> Eval:
    spec = add_spec(
        store,
        asked("found", "server.rs"),
        asked("low", "server.rs", "gone.rs", kind=QueryKind.KEYWORD),
        asked(HOSTILE, ("watcher.rs", 5)),
        asked("broken", "gone.rs"),
    )
    results = {
        "found": ["src/server.rs"],
        "low": ["src/watcher.rs", "src/file_watcher.rs", "src/server.rs"],
        HOSTILE: ["src/project.rs"],
    }
    return evaluate(store, spec, load_corpus(store), FixedRetriever(results), Job(), k=2)


def test_a_miss_shows_what_stands_above(store: Store) -> None:
    low, lost = misses(store, evaluated(store))
    assert (low.result.query.text, low.result.rank) == ("low", 3)
    assert [found.path for found in low.above] == ["src/watcher.rs", "src/file_watcher.rs"]
    assert (lost.result.rank, [found.path for found in lost.above]) == (None, ["src/project.rs"])


def test_the_page_shows_text_as_text(store: Store, tmp_path: Path) -> None:
    done = evaluated(store)
    page = misses_markdown(done.summary, misses(store, done))
    assert "2 of 3 queries have no wanted path in the top 2." in page
    assert "- wanted: server.rs (rank 3)" in page
    assert "- wanted: watcher.rs (not found, grade 5)" in page
    assert "\x1b" not in page
    assert r"\[click\](http://x) \*bold\*" in page
    file = tmp_path / "misses.md"
    write_misses(file, page)
    assert file.read_text() == page
    with pytest.raises(InputError, match="cannot be written"):
        write_misses(tmp_path / "no" / "such.md", page)
    assert [each.name for each in tmp_path.glob("misses*")] == ["misses.md"]
