"""Files whose parser crashes, hangs, or swallows memory, among files that are well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.corpus import parsing as outlining
from core.corpus.importing import import_corpus
from core.corpus.parsing import Outliner, ParsingLimits, ReadFile
from core.errors import CancelledError, UnavailableError
from core.jobs import Job
from core.records import DocumentKind, Problem
from core.store.tables import corpus_documents

if TYPE_CHECKING:
    from core.store.database import Store

#: The real worker, in which the word in a file's first line does what it says.
HOSTILE = """
import ctypes, os, signal, sys, time
from core.corpus import parsing_worker
real = parsing_worker.outline

def outline(language, text):
    word = text.split("\\n")[0].strip("# ")
    if word == "segfault":
        ctypes.string_at(0)
    if word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "hang":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGHUP])
        time.sleep(600)
    if word == "memory":
        bytearray(1 << 50)
    if word == "error":
        raise LookupError("no such node")
    if word == "exit":
        sys.exit(3)
    if word == "garbage":
        os.write(3, b"]]\\n")
    if word == "beyond":
        return [parsing_worker.Definition("f", "function", 0, 10**9)]
    return real(language, text)

parsing_worker.outline = outline
from core.corpus.definitions import Definition
parsing_worker.Definition = Definition
parsing_worker.main()
"""
RIGHT = "def f():\n    return 1\n"
AS_ONE = ": taken as one document"


def hostile(seconds: float = 30.0, memory: int = 2 << 30) -> ParsingLimits:
    return ParsingLimits(seconds, memory, (sys.executable, "-c", HOSTILE))


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}.py").write_text(RIGHT)
    (folder / "notes.md").write_text("# killed\n")
    return folder


def children() -> list[str]:
    """Return what still runs, or was not waited for, of what this process started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())]
        if sys.platform == "linux"
        else ["pgrep", "-lP", str(os.getpid())],
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in listed.stdout.splitlines() if "python" in line]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("segfault", "its parser crashed (SIGSEGV)"),
        ("killed", "its parser crashed (SIGKILL)"),
        ("memory", "its parser needed more than 2,048 MiB of memory"),
        ("error", "its parser failed (LookupError: no such node)"),
        ("exit", "its parser failed (status 3)"),
        ("garbage", "its parser gave an unreadable answer"),
        ("beyond", "its parser gave an unreadable answer"),
    ],
)
def test_a_file_that_fells_its_parser_is_one_document_and_the_others_go_on(
    store: Store, code: Path, word: str, reason: str
) -> None:
    for number in (0, 4, 9):
        (code / f"{number}.py").write_text(f"# {word}\n{RIGHT}")
    report = import_corpus(store, code, limits=hostile())
    bad = ("0.py", "4.py", "9.py")
    assert report.problems == tuple(Problem(each, 0, reason + AS_ONE) for each in bad)
    assert (report.read, report.skipped) == (11, 0)
    found = {each.path: each for each in corpus_documents(store)}
    assert [path for path, each in found.items() if each.kind is DocumentKind.FILE] == [
        *bad,
        "notes.md",
    ]
    assert found["4.py"].text == f"# {word}\n{RIGHT}".rstrip()
    assert found["5.py"].symbol == "f"


def test_a_file_that_takes_too_long_is_one_document(store: Store, code: Path) -> None:
    (code / "3.py").write_text(f"# hang\n{RIGHT}")
    report = import_corpus(store, code, limits=hostile(seconds=1.5))
    assert report.problems == (
        Problem("3.py", 0, "its parser took longer than 1.5 seconds" + AS_ONE),
    )
    assert report.read == 11
    assert children() == []


def test_a_real_file_that_holds_the_parser_for_half_a_minute(store: Store, code: Path) -> None:
    (code / "Deep.java").write_text("class A { int f() { return " + "a<" * 40_000)
    (code / "E.java").write_text("class E {\n  int f() { return 1; }\n}\n")
    report = import_corpus(store, code, limits=ParsingLimits(seconds=2, memory=1 << 40))
    assert [(each.file, each.reason) for each in report.problems] == [
        ("Deep.java", "its parser took longer than 2 seconds" + AS_ONE)
    ]
    assert ("E.java", "E.f") in [(each.path, each.symbol) for each in corpus_documents(store)]


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS keeps no limit of address space")
def test_a_real_file_whose_tree_needs_more_memory_than_there_is(store: Store, code: Path) -> None:
    (code / "wide.py").write_text("[" * 1_900_000)
    report = import_corpus(store, code, limits=ParsingLimits(memory=300 << 20))
    assert [(each.file, each.reason) for each in report.problems] == [
        ("wide.py", "its parser needed more than 300 MiB of memory" + AS_ONE)
    ]


def test_a_hanging_parser_can_be_stopped_and_is_gone(store: Store, code: Path) -> None:
    (code / "3.py").write_text(f"# hang\n{RIGHT}")
    waited: list[int] = []

    def enough() -> bool:
        waited.append(1)
        return len(waited) > 20

    with pytest.raises(CancelledError):
        import_corpus(store, code, limits=hostile(), job=Job(cancelled=enough))
    assert children() == []
    assert corpus_documents(store) == []


def test_no_parser_at_all_is_an_error_and_keeps_the_corpus(store: Store, code: Path) -> None:
    import_corpus(store, code)
    before = corpus_documents(store)
    (code / "a.py").write_text(RIGHT)
    for words in (("-m", "core.corpus.absent"), ("-c", "import time; time.sleep(0)")):
        command = (sys.executable, "-P", *words)
        with pytest.raises(UnavailableError, match="could not be started"):
            import_corpus(store, code, limits=ParsingLimits(command=command))
    assert corpus_documents(store) == before
    assert children() == []


def test_text_without_a_grammar_starts_no_process(
    store: Store, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in code.glob("*.py"):
        file.write_text("\n")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert import_corpus(store, code).read == 1


def test_files_come_back_in_order_however_many_and_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlining, "BATCH_CHARACTERS", 20_000)
    files = [
        ReadFile(f"{n}", RIGHT * (1 + n % 7 * 40), "text" if n % 5 == 0 else "python")
        for n in range(300)
    ]
    with Outliner(ParsingLimits(), lambda _: None) as outliner:
        found = list(outliner.outlines(iter(files)))
    assert [file for file, _ in found] == files
    for file, outline in found:
        wanted = 0 if file.language == "text" else (file.text or "").count("def")
        assert len(outline.definitions) == wanted


@pytest.mark.skipif(sys.platform == "darwin", reason="reads /proc")
def test_the_worker_does_not_outlive_a_parent_that_was_killed(tmp_path: Path) -> None:
    """Its alarm ends a parse that nobody waits for any more."""
    script = f"""
import sys
from core.corpus.parsing import Outliner, ReadFile
from core.corpus.parsing import ParsingLimits
def told(path):
    process = outliner._process
    if process is not None and process._ready:
        print(process._process.pid, flush=True)
        sys.stdin.read()
outliner = Outliner(ParsingLimits(0.1, 2 << 30, (sys.executable, "-c", {HOSTILE!r})), told)
list(outliner.outlines([ReadFile("a.py", "# hang", "python")]))
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    worker = int(parent.stdout.readline())
    stat = Path(f"/proc/{worker}/stat")
    parent.kill()
    parent.wait()
    for pipe in (parent.stdout, parent.stdin):
        pipe.close()
    _wait_until_gone(stat)


def _wait_until_gone(stat: Path) -> None:
    import time

    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail("the worker still runs")
