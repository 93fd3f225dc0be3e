from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from core.errors import InputError
from core.jobs import Job
from core.store.opening import open_store
from eval.corpus import load_corpus
from eval.evaluating import evaluate
from eval.misses import mark_relevant
from eval.specs import add_spec, load_spec, make_spec, read_spec
from tests.building import new_workspace
from tests.eval.eval_building import FILES, FixedRetriever, add_corpus, asked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.records import Spec
    from core.store.database import Store
    from eval.evals import EvalSummary

DAY, NEXT_DAY = datetime(2030, 5, 3, 12), datetime(2030, 5, 4, 12)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    with open_store(new_workspace(tmp_path).folder) as opened:
        add_corpus(opened, FILES)
        yield opened


def kept_spec(store: Store, *, grade: int | None = None) -> Spec:
    queries = [
        asked("watch files", ("src/watcher.rs", grade), key="w"),
        asked("root", ("src/project.rs", grade), kind=None, key="r"),
    ]
    spec = make_spec("searches", "crates", queries)
    add_spec(store, spec)
    return spec


def evaluated(store: Store, spec: Spec) -> EvalSummary:
    return evaluate(store, spec, load_corpus(store), FixedRetriever({}), Job()).summary


def test_marks_of_a_day_gather_in_one_spec_beside_the_old_one(store: Store) -> None:
    spec = kept_spec(store)
    summary = evaluated(store, spec)
    watch, root = (each.query.id for each in spec.queries)
    mark_relevant(store, summary, watch, "src/file_watcher.rs", annotator="ada", now=DAY)
    made = mark_relevant(store, summary, root, "lib/project.rs", annotator="ada", now=DAY)
    assert made.spec.name == "searches+2030-05-03"
    assert made.file == store.folder / "specs" / "searches+2030-05-03.json"
    assert [each.relevant for each in load_spec(store, made.spec.name).queries] == [
        (("src/file_watcher.rs", None), ("src/watcher.rs", None)),
        (("lib/project.rs", None), ("src/project.rs", None)),
    ]
    assert load_spec(store, "searches") == spec
    # The file says the same, and who marked what.
    assert read_spec(made.file).spec.id == made.spec.id
    provenance = json.loads(made.file.read_text(encoding="utf-8"))["provenance"]
    assert provenance["amends"] == "searches"
    assert [(mark["query"], mark["path"], mark["annotator"]) for mark in provenance["marks"]] == [
        ("watch files", "src/file_watcher.rs", "ada"),
        ("root", "lib/project.rs", "ada"),
    ]
    assert {mark["eval"] for mark in provenance["marks"]} == {str(summary.id)}
    # The next day goes on from it, under another name.
    later = mark_relevant(store, summary, watch, "src/server.rs", annotator="bob", now=NEXT_DAY)
    assert later.spec.name == "searches+2030-05-04"
    assert len(later.spec.queries[0].relevant) == 3
    assert len(later.spec.queries[1].relevant) == 2


def test_a_graded_spec_gets_the_best_grade(store: Store) -> None:
    spec = kept_spec(store, grade=4)
    summary = evaluated(store, spec)
    made = mark_relevant(store, summary, spec.queries[0].query.id, "src/server.rs", annotator="a")
    assert dict(made.spec.queries[0].relevant) == {"src/watcher.rs": 4, "src/server.rs": 5}
    assert read_spec(made.file).spec.id == made.spec.id


def test_what_is_relevant_already_or_not_asked_is_refused(store: Store) -> None:
    spec = kept_spec(store)
    summary = evaluated(store, spec)
    with pytest.raises(InputError, match="relevant already"):
        mark_relevant(store, summary, spec.queries[0].query.id, "src/watcher.rs", annotator="a")
    with pytest.raises(InputError, match="does not ask"):
        mark_relevant(store, summary, spec.id, "src/server.rs", annotator="a")
    assert not (store.folder / "specs").exists()


def test_nothing_is_kept_when_the_file_cannot_be_written(store: Store) -> None:
    spec = kept_spec(store)
    summary = evaluated(store, spec)
    (store.folder / "specs").write_text("in the way", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        mark_relevant(store, summary, spec.queries[0].query.id, "src/server.rs", annotator="a")
    assert store.read("SELECT count(*) FROM db.specs") == [(1,)]
