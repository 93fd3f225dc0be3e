"""Files that are enormous, or unpack to something enormous, and paths that lead outside."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from typing import TYPE_CHECKING

import pytest

from core.corpus.importing import import_corpus
from core.errors import InputError
from core.records import Problem
from core.store.opening import open_store
from eval.retrievers import building
from eval.retrievers.building import RetrieverChoice
from eval.specs import import_spec, make_spec
from labels.pairs.encodings import LEAST_LIMIT
from labels.pairs.importing import import_pairs
from tests.building import new_workspace
from tests.eval.eval_building import asked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.store.database import Store

TERABYTE = 1 << 40
GOOD = b'{"query": "q", "positive": "c", "llm_score": 4}\n'
OUTSIDE = ["../../etc/passwd", "/etc/passwd", "..\\..\\etc\\passwd", "a/../../x", "~/.ssh/id_rsa"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(new_workspace(tmp_path / "work").folder) as opened:
        yield opened


def sparse(path: Path, begins: bytes, size: int) -> Path:
    with path.open("wb") as file:
        file.write(begins)
        file.truncate(size)
    return path


def test_a_corpus_with_sparse_files_of_a_terabyte(store: Store, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "a.py").write_text("x = 1\n")
    sparse(code / "text.py", b"# text\n" * 2_000, TERABYTE)
    sparse(code / "holes.py", b"", TERABYTE)
    report = import_corpus(store, code)
    assert (report.read, report.skipped) == (1, 1)
    assert report.problems == (Problem("text.py", 0, "larger than 2,000,000 bytes: skipped"),)


def test_a_spec_of_a_terabyte_is_not_read(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too large"):
        import_spec(store, sparse(tmp_path / "spec.json", b'{"queries": [', TERABYTE))


def test_a_pairs_file_with_a_hole_keeps_its_good_lines(store: Store, tmp_path: Path) -> None:
    report = import_pairs(store, sparse(tmp_path / "pairs.jsonl", GOOD, 80 << 20))
    assert (report.added, report.skipped) == (1, 1)
    assert "too long" in report.problems[0].reason


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress])
@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.jsonl.gz", "pairs.jsonl.zst"])
def test_only_gzip_is_unpacked(store: Store, tmp_path: Path, pack: object, name: str) -> None:
    assert callable(pack)
    file = tmp_path / name
    file.write_bytes(pack(b"0" * 10_000_000 + GOOD))
    with pytest.raises(InputError, match="compressed"):
        import_pairs(store, file)
    file.write_bytes(GOOD)
    assert import_pairs(store, file).read == 1


def test_what_would_fill_the_disk_is_not_unpacked(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl.gz"
    file.write_bytes(gzip.compress(b"0" * (LEAST_LIMIT + (10 << 20)) + GOOD))
    with pytest.raises(InputError, match="too large when unpacked"):
        import_pairs(store, file)
    assert not list((store.folder / "spill").glob("*"))


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("pairs.csv", b"query,positive\nq,c\n"),
        ("pairs.json", b'[{"query": "q", "positive": "c"}, '),
        ("pairs.json", b'{"rows": [\n'),
        ("pairs.jsonl", "\ufeff{".encode("utf-16-le")),
        ("pairs.parquet", b"PAR1"),
    ],
)
def test_pairs_files_with_a_hole_of_a_terabyte_are_refused(
    store: Store, tmp_path: Path, name: str, begins: bytes
) -> None:
    with pytest.raises(InputError) as caught:
        import_pairs(store, sparse(tmp_path / name, begins, TERABYTE))
    assert caught.value.where == str(tmp_path / name)
    assert not list((store.folder / "spill").glob("*"))


def test_no_pair_names_a_file_outside_of_the_corpus(store: Store, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "a.py").write_text("def f():\n    return 1\n")
    (code / "etc").symlink_to("/etc")
    (code / "passwd").symlink_to("/etc/passwd")
    import_corpus(store, code)
    places = [*OUTSIDE, "etc/passwd", "passwd", "a.py\0"]
    lines = [{"query": "q", "file_path": path, "llm_score": 5} for path in places]
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = import_pairs(store, file)
    assert (report.read, report.added, report.skipped) == (len(lines), 0, len(lines))
    assert all("the corpus has no" in problem.reason for problem in report.problems[:5])
    texts = store.read("SELECT text FROM db.documents")
    assert not any("root:" in text for (text,) in texts)


@pytest.mark.parametrize("corpus", ["../..", "/etc", "..", "code/../.."])
def test_a_spec_names_no_folder_outside_of_the_workspace(
    store: Store, tmp_path: Path, corpus: str
) -> None:
    (tmp_path / "work" / "code").mkdir()
    choice = RetrieverChoice("command")
    spec = make_spec("s", corpus, [asked("q", "a.py")])
    assert building._corpus_folder(store, spec, choice) is None
    inside = make_spec("s", "code", [asked("q", "a.py")])
    assert building._corpus_folder(store, inside, choice) == tmp_path / "work" / "code"
