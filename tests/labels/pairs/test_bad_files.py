"""What may be wrong with a file as a whole, and an import that does not reach its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from core.errors import InputError, StoreError
from core.problems import SHOWN_LIMIT
from core.store.database import DATABASE_NAME, Store
from core.store.opening import open_store
from labels.pairs.formats import LONGEST_LINE
from labels.pairs.importing import import_pairs
from tests.building import new_workspace

ROOT = Path(__file__).parents[3]
GOOD = b'{"query": "q", "positive": "c", "llm_score": 4}\n'


def pairs(store: Store) -> int:
    return int(store.read("SELECT count(*) FROM db.pairs")[0][0])


def test_no_file_a_folder_an_unreadable_file_and_the_database_itself(
    store: Store, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        import_pairs(store, tmp_path / "absent.jsonl")
    with pytest.raises(InputError, match="a folder, not a file"):
        import_pairs(store, tmp_path)
    with pytest.raises(InputError, match="the workspace's own database"):
        import_pairs(store, store.folder / DATABASE_NAME)
    closed = tmp_path / "closed.jsonl"
    closed.write_bytes(GOOD)
    closed.chmod(0)
    if not os.access(closed, os.R_OK):
        with pytest.raises(InputError, match="cannot be read: Permission denied"):
            import_pairs(store, closed)
    assert pairs(store) == 0


@pytest.mark.parametrize("content", [b"", b"\n\n \n"])
def test_an_empty_file_has_no_lines(store: Store, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(content)
    report = import_pairs(store, path)
    assert (report.read, report.added, report.problems) == (0, 0, ())


def test_a_last_line_without_an_end_and_a_byte_order_mark(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "mark.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace(b'"q"', b'"r"') + GOOD[:-1])
    report = import_pairs(store, path)
    assert (report.read, report.added, report.problems) == (2, 2, ())


def test_a_file_of_one_very_long_line_is_named(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    size = LONGEST_LINE + (1 << 20)
    with path.open("wb") as file:
        file.write(b'{"query": "q", "positive": "')
        file.write(b"x" * size)
    report = import_pairs(store, path)
    assert (report.read, report.added, report.skipped) == (1, 0, 1)
    assert [(problem.line, problem.reason) for problem in report.problems] == [
        (1, "the line is too long: 32 MB, and 31 MB can be read")
    ]


def test_the_lines_around_a_very_long_one_are_kept(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    with path.open("wb") as file:
        file.write(GOOD + b"\n" + b'{"query": "')
        file.write(b"x" * (LONGEST_LINE + (5 << 20)))
        file.write(b'"}\n' + b"{\n" + GOOD.replace(b'"q"', b'"r"'))
    report = import_pairs(store, path)
    assert (report.read, report.added, report.skipped) == (4, 2, 2)
    assert [problem.line for problem in report.problems] == [3, 4]
    assert not list((store.folder / "spill").iterdir())


def test_a_long_line_that_fits_is_kept(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    code = "x\n" * 10_000
    path.write_text(json.dumps({"query": "q", "positive": code}) + "\n")
    assert import_pairs(store, path).added == 1
    assert store.read("SELECT text FROM db.documents") == [(code,)]


def test_a_pipe_is_read_to_its_end(store: Store, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=lambda: pipe.write_bytes(GOOD * 3))
    writer.start()
    report = import_pairs(store, pipe)
    writer.join()
    assert (report.read, report.added, report.unchanged) == (3, 1, 2)


def test_what_is_no_text_at_all_is_named_line_by_line(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(bytes(range(256)) * 20)
    report = import_pairs(store, path)
    assert report.read == report.skipped > 0
    assert report.added == 0


def test_many_problems_are_all_listed_in_a_file(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"{\n" * (SHOWN_LIMIT + 50) + GOOD)
    report = import_pairs(store, path)
    assert (report.added, report.skipped) == (1, SHOWN_LIMIT + 50)
    assert report.problems_total == SHOWN_LIMIT + 50
    assert len(report.problems) == SHOWN_LIMIT
    listed = [json.loads(text) for text in Path(report.report_file).read_text().splitlines()]
    assert [problem["line"] for problem in listed] == list(range(1, SHOWN_LIMIT + 51))
    assert {problem["file"] for problem in listed} == {str(path)}


KILLED = """
import os, signal, sys
from pathlib import Path
from core.store.database import Store
from core.store.opening import open_store
from labels.pairs.importing import import_pairs

def kill(progress):
    if progress.note == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

with open_store(Path(sys.argv[1])) as store:
    import_pairs(store, Path(sys.argv[2]), progress=kill)
"""


def test_a_killed_import_leaves_what_was_there(tmp_path: Path) -> None:
    folder = new_workspace(tmp_path).folder
    path = tmp_path / "more.jsonl"
    path.write_bytes(b"".join(GOOD.replace(b'"q"', b'"%d"' % number) for number in range(3000)))
    first = tmp_path / "first.jsonl"
    first.write_bytes(GOOD)
    with open_store(folder) as store:
        import_pairs(store, first)
    words = [sys.executable, "-c", KILLED, str(folder), str(path), "commit"]
    assert subprocess.run(words, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    with open_store(folder) as store:
        assert pairs(store) == 1
        assert import_pairs(store, path).added == 3000


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    folder = new_workspace(tmp_path).folder
    first, path = tmp_path / "first.jsonl", tmp_path / "more.jsonl"
    first.write_bytes(GOOD)
    path.write_bytes(b"".join(GOOD.replace(b'"q"', b'"%d"' % number) for number in range(10_000)))
    with open_store(folder) as store:
        import_pairs(store, first)
    program = (
        "import resource, sys; from pathlib import Path; from core.errors import StoreError;"
        "from core.store.opening import open_store\n"
        "from labels.pairs.importing import import_pairs\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "try:\n"
        "    with open_store(Path(sys.argv[1])) as store:\n"
        "        import_pairs(store, Path(sys.argv[2]))\n"
        "except StoreError as error:\n"
        "    sys.exit(2)\n"
    )
    words = [sys.executable, "-c", program, str(folder), str(path)]
    assert subprocess.run(words, cwd=ROOT, check=False).returncode == 2
    with open_store(folder) as store:
        assert pairs(store) == 1


def test_a_refusal_of_the_database_leaves_what_was_there(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    from labels.pairs import storing

    def refuse(*_: object) -> int:
        raise duckdb.IOException("No space left on device")

    monkeypatch.setattr(storing, "_insert_judgments", refuse)
    path = tmp_path / "gpt.jsonl"
    path.write_bytes(GOOD)
    with pytest.raises(StoreError, match="the disk is full"):
        import_pairs(store, path)
    monkeypatch.undo()
    assert pairs(store) == 0
    assert import_pairs(store, path).added == 1


@pytest.mark.parametrize("name", ["p*.jsonl", "p?irs.jsonl", "[p]airs.jsonl", "p\\airs.jsonl"])
def test_a_name_that_could_mean_other_files_means_itself(tmp_path: Path, name: str) -> None:
    (tmp_path / "pairs.jsonl").write_bytes(GOOD * 5)
    file = tmp_path / name
    file.write_bytes(GOOD)
    with open_store(new_workspace(tmp_path).folder, allowed_files=[file]) as store:
        assert import_pairs(store, file).read == 1


def test_temporary_files_of_a_killed_import_are_removed_by_the_next(
    store: Store, tmp_path: Path
) -> None:
    killed = subprocess.Popen(["true"])
    killed.wait()
    spill = store.folder / "spill"
    spill.mkdir(exist_ok=True)
    (spill / f"{killed.pid}-abc-import.jsonl").write_bytes(GOOD)
    file = tmp_path / "gpt.jsonl"
    file.write_bytes(GOOD)
    import_pairs(store, file)
    assert not list(spill.iterdir())
