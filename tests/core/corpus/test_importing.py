from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import duckdb
import pytest

from core.corpus import importing
from core.corpus.importing import import_corpus
from core.corpus.sources import Source, read_source
from core.errors import CancelledError, InputError, StoreError
from core.ids import document_id, event_id, pair_id, query_id, utc_now
from core.jobs import Job
from core.records import (
    Action,
    Document,
    DocumentKind,
    ImportReport,
    LabelEvent,
    Origin,
    Pair,
    Problem,
    Progress,
    Query,
)
from core.store.events import insert_event
from core.store.opening import open_store
from core.store.tables import (
    add_documents,
    add_pairs,
    add_queries,
    corpus_documents,
    documents_by_id,
)
from tests.building import new_workspace

if TYPE_CHECKING:
    from pathlib import Path

    from core.store.database import Store

TWO = "def f():\n    return 1\n\n\ndef g():\n    return 2\n"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "a.py").write_text(TWO)
    return folder


def places(store: Store) -> list[tuple[str, str]]:
    return [(each.path, each.symbol) for each in corpus_documents(store)]


def counts(report: ImportReport) -> tuple[int, int, int, int, int]:
    return report.read, report.added, report.updated, report.unchanged, report.removed


def label(store: Store, document: Document) -> Pair:
    """Pair a document with a query and have a person grade it."""
    query = Query(query_id("the query"), "the query")
    pair = Pair(pair_id(query.id, document.id), query.id, document.id, Origin.LEXICAL)
    event = LabelEvent(event_id(), utc_now(), pair.id, "ann", Action.OVERRIDE, grade=4)
    with store.transaction() as cursor:
        add_queries(cursor, [query], Origin.IMPORT)
        add_pairs(cursor, [pair])
    insert_event(store, event)
    return pair


def stored(store: Store) -> list[tuple[str, str, bool]]:
    rows = store.read("SELECT symbol, text, in_corpus FROM db.documents ORDER BY symbol, text")
    return [(symbol, text, in_corpus) for symbol, text, in_corpus in rows]


def test_a_folder_becomes_the_corpus(store: Store, code: Path) -> None:
    (code / "notes.md").write_text("# Notes\n")
    report = import_corpus(store, code)
    assert counts(report) == (3, 3, 0, 0, 0)
    assert (report.skipped, report.problems) == (0, ())
    assert places(store) == [("a.py", "f"), ("a.py", "g"), ("notes.md", "")]
    f = corpus_documents(store)[0]
    assert f == Document(
        document_id("a.py", "f", "def f():\n    return 1"),
        "a.py",
        "f",
        DocumentKind.FUNCTION,
        "python",
        1,
        2,
        "def f():\n    return 1",
    )


def test_importing_again_changes_nothing(store: Store, code: Path) -> None:
    import_corpus(store, code)
    before = store.read("SELECT * FROM db.documents ORDER BY id")
    assert counts(import_corpus(store, code)) == (2, 0, 0, 2, 0)
    assert store.read("SELECT * FROM db.documents ORDER BY id") == before


def test_a_moved_function_is_the_same_document_on_other_lines(store: Store, code: Path) -> None:
    import_corpus(store, code)
    (code / "a.py").write_text("# The first.\n\n" + TWO)
    assert counts(import_corpus(store, code)) == (3, 1, 0, 2, 0)
    lines = {each.symbol: each.start_line for each in corpus_documents(store)}
    assert lines == {"": 1, "f": 3, "g": 7}


def test_a_changed_text_is_a_new_document_in_the_place_of_the_old(store: Store, code: Path) -> None:
    import_corpus(store, code)
    (code / "a.py").write_text(TWO.replace("return 2", "return 3"))
    assert counts(import_corpus(store, code)) == (2, 0, 1, 1, 0)
    assert [symbol for symbol, _, _ in stored(store)] == ["f", "g"]
    assert stored(store)[1] == ("g", "def g():\n    return 3", True)


def test_what_is_gone_leaves_the_corpus_and_the_store(store: Store, code: Path) -> None:
    (code / "b.py").write_text("def h(): pass\n")
    import_corpus(store, code)
    (code / "a.py").unlink()
    assert counts(import_corpus(store, code)) == (1, 0, 0, 1, 2)
    assert [symbol for symbol, _, _ in stored(store)] == ["h"]


def test_a_label_survives_the_change_and_the_loss_of_its_code(store: Store, code: Path) -> None:
    import_corpus(store, code)
    f = corpus_documents(store)[0]
    pair = label(store, f)
    (code / "a.py").write_text(TWO.replace("return 1", "return 10"))
    assert counts(import_corpus(store, code)) == (2, 0, 1, 1, 0)
    assert documents_by_id(store, [f.id]) == {f.id: f}
    assert stored(store) == [
        ("f", "def f():\n    return 1", False),
        ("f", "def f():\n    return 10", True),
        ("g", "def g():\n    return 2", True),
    ]
    (code / "a.py").write_text("def g():\n    return 2\n")
    assert counts(import_corpus(store, code)) == (1, 0, 0, 1, 1)
    assert store.read(
        "SELECT labels.grade, documents.text FROM current_labels AS labels"
        " JOIN db.pairs AS pairs ON pairs.id = labels.pair_id"
        " JOIN db.documents AS documents ON documents.id = pairs.document_id"
        " WHERE labels.pair_id = $1",
        [pair.id],
    ) == [(4, f.text)]


def test_code_that_comes_back_is_the_document_that_was_labelled(store: Store, code: Path) -> None:
    import_corpus(store, code)
    f = corpus_documents(store)[0]
    label(store, f)
    (code / "a.py").write_text("def g():\n    return 2\n")
    import_corpus(store, code)
    (code / "a.py").write_text("\n" + TWO)
    assert counts(import_corpus(store, code)) == (2, 1, 0, 1, 0)
    back = corpus_documents(store)[0]
    assert (back.id, back.start_line) == (f.id, 2)
    assert len(stored(store)) == 2


def test_a_snippet_of_the_same_place_and_text_is_taken_in(store: Store, code: Path) -> None:
    text = "def f():\n    return 1"
    snippet = Document(
        document_id("a.py", "f", text), "a.py", "f", DocumentKind.SNIPPET, "", None, None, text
    )
    with store.transaction() as cursor:
        add_documents(cursor, [snippet], in_corpus=False)
    label(store, snippet)
    import_corpus(store, code)
    (taken,) = documents_by_id(store, [snippet.id]).values()
    assert (taken.kind, taken.start_line, taken.language) == (DocumentKind.FUNCTION, 1, "python")
    assert len(stored(store)) == 2


def test_another_folder_takes_the_place_of_the_first(
    store: Store, code: Path, tmp_path: Path
) -> None:
    import_corpus(store, code)
    label(store, corpus_documents(store)[0])
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.go").write_text("package b\n\nfunc B() {\n}\n")
    assert counts(import_corpus(store, other)) == (1, 1, 0, 0, 2)
    assert places(store) == [("b.go", "B")]
    assert len(stored(store)) == 2


def test_bad_files_are_named_and_the_good_ones_kept(
    store: Store, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code / "large.py").write_text("x" * 5_000)
    (code / "latin.py").write_bytes(b"def h():\n    return '\xe9'\n")
    (code / "binary.py").write_bytes(b"\0\1\2")
    (code / "closed.py").write_text("x = 1\n")
    (code / "escape\x1b[2J.py").write_text("def e():\n    return '\x1b[2J'\n")

    def refusing(path: Path, size_limit: int) -> Source:
        if path.name == "closed.py":
            return Source(None, "cannot be read: Permission denied")
        return read_source(path, size_limit)

    monkeypatch.setattr(importing, "read_source", refusing)
    report = import_corpus(store, code, size_limit=4_000)
    assert report.problems == (
        Problem("closed.py", 0, "cannot be read: Permission denied"),
        Problem("large.py", 0, "larger than 4,000 bytes: skipped"),
        Problem("latin.py", 2, "not UTF-8: the invalid bytes were replaced by U+FFFD"),
    )
    assert (report.skipped, report.problems_total, report.report_file) == (2, 3, "")
    assert places(store) == [
        ("a.py", "f"),
        ("a.py", "g"),
        ("escape\x1b[2J.py", "e"),
        ("latin.py", "h"),
    ]
    texts = {each.symbol: each.text for each in corpus_documents(store)}
    assert texts["e"] == "def e():\n    return '\x1b[2J'"
    assert texts["h"] == "def h():\n    return '\ufffd'"


def test_a_single_line_of_two_megabytes_goes_through(store: Store, code: Path) -> None:
    (code / "wide.js").write_text("x = '" + "\x01" * 1_900_000 + "'")
    import_corpus(store, code)
    assert store.read("SELECT max(length(text)) FROM db.documents") == [(1_900_006,)]


def test_more_problems_than_a_screen_holds_are_in_a_file(store: Store, code: Path) -> None:
    for number in range(150):
        (code / f"n{number}.txt").write_bytes(b"\xff")
    report = import_corpus(store, code)
    assert (len(report.problems), report.problems_total) == (100, 150)
    with open(report.report_file, encoding="utf-8") as file:  # noqa: PTH123
        assert len(file.readlines()) == 150


@pytest.mark.parametrize("content", [{}, {"blank.py": b"\n\n"}, {"a.bin": b"\0"}])
def test_a_folder_without_text_is_an_error_and_keeps_the_corpus(
    store: Store, code: Path, tmp_path: Path, content: dict[str, bytes]
) -> None:
    import_corpus(store, code)
    empty = tmp_path / "empty"
    empty.mkdir()
    for name, each in content.items():
        (empty / name).write_bytes(each)
    with pytest.raises(InputError, match="no text files"):
        import_corpus(store, empty)
    assert len(places(store)) == 2


def test_an_absent_folder_is_an_error_and_keeps_the_corpus(store: Store, code: Path) -> None:
    import_corpus(store, code)
    with pytest.raises(InputError, match="no such folder"):
        import_corpus(store, code / "absent")
    assert len(places(store)) == 2


def test_a_stopped_import_changes_nothing(store: Store, code: Path) -> None:
    import_corpus(store, code)
    (code / "b.py").write_text("def h(): pass\n")
    asked = iter([False, True])
    with pytest.raises(CancelledError):
        import_corpus(store, code, job=Job(cancelled=lambda: next(asked)))
    assert places(store) == [("a.py", "f"), ("a.py", "g")]
    assert not (store.folder / importing.STAGED_NAME).exists()


def test_progress_goes_from_nothing_to_all(store: Store, code: Path) -> None:
    (code / "b.py").write_text("def h(): pass\n")
    told: list[Progress] = []
    import_corpus(store, code, job=Job(told.append))
    assert told[0] == Progress(0, 2, "a.py")
    assert told[-1] == Progress(2, 2)


def test_a_failure_while_the_corpus_is_replaced_keeps_the_former(
    store: Store, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_corpus(store, code)
    (code / "a.py").write_text("def h(): pass\n")

    def fail(_: object) -> None:
        raise duckdb.IOException("No space left on device")

    monkeypatch.setattr(importing, "_remove_absent", fail)
    with pytest.raises(StoreError, match="the disk is full"):
        import_corpus(store, code)
    assert places(store) == [("a.py", "f"), ("a.py", "g")]


def test_a_workspace_that_cannot_be_written_is_an_error(store: Store, code: Path) -> None:
    (store.folder / importing.STAGED_NAME).mkdir()
    with pytest.raises(StoreError, match="Is a directory"):
        import_corpus(store, code)
    assert places(store) == []


@pytest.mark.parametrize("name", ["a b'c", "[ab]", "x*", "{a,b}", "$HOME~", "ünï"])
def test_folders_may_have_any_name(tmp_path: Path, name: str) -> None:
    top = tmp_path / name
    (top / name).mkdir(parents=True)
    (top / name / f"{name}.py").write_text(TWO)
    with open_store(new_workspace(top).folder) as store:
        import_corpus(store, top / name)
        assert places(store) == [(f"{name}.py", "f"), (f"{name}.py", "g")]


KILLED = """
import sys, time
from pathlib import Path
from core.corpus import importing
from core.store.opening import open_store

def wait(cursor):
    print("replacing", flush=True)
    time.sleep(60)

importing._remove_absent = wait
with open_store(Path(sys.argv[1])) as store:
    importing.import_corpus(store, Path(sys.argv[2]))
"""


def test_a_kill_in_the_middle_leaves_the_former_corpus_whole(code: Path, tmp_path: Path) -> None:
    folder = new_workspace(tmp_path / "killed").folder
    with open_store(folder) as store:
        import_corpus(store, code)
        before = stored(store)
    (code / "a.py").write_text("def h(): pass\n")
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), str(code)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"replacing\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with open_store(folder) as store:
        assert stored(store) == before
        assert counts(import_corpus(store, code)) == (1, 1, 0, 0, 2)


def test_labels_can_be_written_while_a_folder_is_read(store: Store, code: Path) -> None:
    import_corpus(store, code)
    f = corpus_documents(store)[0]
    (code / "a.py").write_text(TWO.replace("return 1", "return 10"))
    started = time.monotonic()

    def grade_meanwhile() -> bool:
        label(store, f)
        return False

    import_corpus(store, code, job=Job(cancelled=grade_meanwhile))
    assert time.monotonic() - started < 60
    assert store.read("SELECT count(*) FROM current_labels") == [(1,)]
    assert documents_by_id(store, [f.id]) == {f.id: f}
