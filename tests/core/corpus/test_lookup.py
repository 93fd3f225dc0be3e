from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.corpus.importing import import_corpus
from core.corpus.lookup import find_documents
from core.store.opening import open_store
from tests.building import new_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from core.store.database import Store

RUST = """\
impl A {
    fn only() {
    }
    fn new() {
    }
}
impl B {
    fn new() {
    }
    fn fmt() {
    }
}
impl C for B {
    fn fmt() {
        1
    }
}
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    top = tmp_path_factory.mktemp("lookup")
    code = top / "code"
    (code / "in").mkdir(parents=True)
    (code / "in" / "a.rs").write_text(RUST)
    (code / "notes.md").write_text("# Notes\n")
    (code / "m.py").write_text('"""Doc."""\n\nclass K:\n    def run(self):\n        pass\n')
    opened = open_store(new_workspace(top / "work").folder)
    import_corpus(opened, code)
    return opened


@pytest.mark.parametrize(
    ("path", "symbol", "found"),
    [
        ("in/a.rs", "A::only", "A::only"),
        ("in/a.rs", "only", "A::only"),
        ("in/a.rs", "A.only", "A::only"),
        ("./in/a.rs", "A#only", "A::only"),
        ("in\\a.rs", "crate::A::only", None),
        ("in/a.rs", "new", None),
        ("in/a.rs", "B::new", "B::new"),
        ("in/a.rs", "B::fmt", "B::fmt"),
        ("in/a.rs", "B::fmt#2", "B::fmt#2"),
        ("in/a.rs", "fmt", None),
        ("in/a.rs", "A", None),
        ("in/a.rs", "impl A", "impl A"),
        ("in/a.rs", "absent", None),
        ("in/a.rs", "", None),
        ("m.py", "", ""),
        ("m.py", "run", "K.run"),
        ("notes.md", "", ""),
        ("absent.py", "f", None),
    ],
)
def test_a_place_is_found_by_its_symbol_or_an_end_of_it_that_is_unique(
    store: Store, path: str, symbol: str, found: str | None
) -> None:
    document = find_documents(store, [(path, symbol)]).get((path, symbol))
    assert (document.symbol if document else None) == found


def test_many_places_are_found_at_once(store: Store) -> None:
    places = [("in/a.rs", "only"), ("absent", "x"), ("./m.py", "K"), ("m.py", "K")]
    found = find_documents(store, places)
    assert list(found) == [("in/a.rs", "only"), ("./m.py", "K"), ("m.py", "K")]
    assert found["m.py", "K"] is found["./m.py", "K"]
    assert find_documents(store, []) == {}


def test_what_left_the_corpus_is_not_found(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "a.py").write_text("def f(): pass\n")
    with open_store(new_workspace(tmp_path).folder) as store:
        import_corpus(store, code)
        with store.transaction() as cursor:
            cursor.execute("UPDATE db.documents SET in_corpus = false")
        assert find_documents(store, [("a.py", "f")]) == {}
