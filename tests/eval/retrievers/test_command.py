from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from core.errors import CancelledError, InputError
from core.jobs import Job
from eval.corpus import Corpus
from eval.retrievers.command import build_command
from eval.retrievers.printed_paths import CorpusPaths
from tests.eval.eval_building import asked

if TYPE_CHECKING:
    from pathlib import Path

    from eval.retrievers.base import Ranking
    from eval.retrievers.command import CommandRetriever

PATHS = ("src/server.rs", "src/watcher.rs")
CORPUS = Corpus((UUID(int=1), UUID(int=2)), PATHS, ("0" * 64, "1" * 64), (1, 1))


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "crates"
    for path in PATHS:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("code", encoding="utf-8")
    return folder


def made(
    folder: Path, program: str, words: str = "{query}", seconds: float = 20.0
) -> CommandRetriever:
    script = folder.parent / "search.py"
    script.write_text(program, encoding="utf-8")
    template = f"'{sys.executable}' '{script}' {words}"
    paths = CorpusPaths(CORPUS, folder)
    return build_command(template, paths, Job(), folder=folder, seconds=seconds)


def printing(folder: Path, reply: object) -> CommandRetriever:
    text = reply if isinstance(reply, str) else json.dumps(reply)
    return made(folder, f"print({text!r})")


def ranked(retriever: CommandRetriever, text: str = "a query") -> Ranking:
    return next(iter(retriever.rank([asked(text, "server.rs")], 5)))


def paths_of(ranking: Ranking) -> list[str]:
    return [found.path for found in ranking]


def test_the_words_reach_the_program_as_they_are(folder: Path) -> None:
    seen = folder.parent / "seen.json"
    write = f"open({str(seen)!r}, 'w').write(json.dumps(sys.argv[1:]))"
    retriever = made(
        folder, f"import json, sys; {write}; print('[]')", "search {query} --path={corpus} {top}"
    )
    query = 'it\'s; $(rm -rf *) {top} `x` "y"'
    assert ranked(retriever, query) == ()
    assert json.loads(seen.read_text()) == ["search", query, f"--path={folder}", "5"]


def test_results_keep_their_order_and_a_path_counts_once(folder: Path) -> None:
    reply = {
        "results": [
            {"file": "src/watcher.rs", "score": 0.9, "line": 3},
            {"file": "./src/watcher.rs", "score": 0.8},
            {"file": str(folder / "src/server.rs")},
        ]
    }
    found = ranked(printing(folder, reply))
    assert paths_of(found) == ["src/watcher.rs", "src/server.rs"]
    assert [each.score for each in found] == [0.9, 1 / 3]


def test_paths_relative_to_the_current_folder_are_understood(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    assert paths_of(ranked(printing(folder, ["crates/src/server.rs"]))) == ["src/server.rs"]


def test_a_file_without_a_document_takes_its_rank_and_is_told(folder: Path) -> None:
    retriever = printing(folder, ["README.md", "src/server.rs"])
    assert paths_of(ranked(retriever)) == ["README.md", "src/server.rs"]
    assert "README.md" in retriever.notices[0]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("no json", "not JSON; it begins: no json"),
        ("", "it is empty"),
        ('{"results": 3}', "no list of results"),
        ("3", "no list of results"),
        ("[3]", "result 1 is not an object"),
        ('[{"name": "x"}]', "result 1 names no file"),
        ("[" * 100_000, "not JSON"),
        ('[""]', "is not a path"),
        ('["a\\u0000b"]', "is not a path"),
        ('["\\ud800"]', "is not a path"),
        ('["/etc/passwd"]', "outside the corpus: /etc/passwd"),
        ('["../secret.rs"]', "outside the corpus"),
        ('["src/../../secret.rs"]', "outside the corpus"),
    ],
)
def test_a_reply_that_cannot_be_used_is_an_error(folder: Path, reply: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        ranked(printing(folder, reply))


def test_bytes_that_are_no_text_are_an_error(folder: Path) -> None:
    retriever = made(folder, "import sys; sys.stdout.buffer.write(bytes([0xff, 0xfe, 0x00]))")
    with pytest.raises(InputError, match="not JSON"):
        ranked(retriever)


def test_a_failing_program_is_quoted(folder: Path) -> None:
    retriever = made(folder, "import sys; print('no index', file=sys.stderr); sys.exit(3)")
    with pytest.raises(InputError, match="ended with status 3; it said: no index") as caught:
        ranked(retriever, "find it")
    assert "find it" in caught.value.where
    with pytest.raises(InputError, match="ended by signal 9"):
        ranked(made(folder, "import os; os.kill(os.getpid(), 9)"))


def test_a_hanging_program_is_stopped_at_its_time_limit(folder: Path) -> None:
    with pytest.raises(InputError, match=r"within 0\.5 seconds"):
        ranked(made(folder, "import signal; signal.pause()", seconds=0.5))


def test_a_program_that_prints_without_end_is_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.retrievers.command.MAX_PRINTED", 1 << 20)
    with pytest.raises(InputError, match="more than 1 MiB"):
        ranked(made(folder, "while True: print('x' * 4096)"))


def test_a_running_program_can_be_stopped_with_its_children(folder: Path) -> None:
    pipe = folder.parent / "pipe"
    os.mkfifo(pipe)
    child = (
        f"import time; pipe = open({str(pipe)!r}, 'w'); print('started', file=pipe, flush=True);"
        " time.sleep(60); print('survived', file=pipe)"
    )
    script = folder.parent / "search.py"
    script.write_text(
        f"import signal, subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "signal.pause()\n",
        encoding="utf-8",
    )
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as told:
        job = Job(cancelled=lambda: bool(told.read()))
        retriever = build_command(
            f"'{sys.executable}' '{script}' {{query}}", CorpusPaths(CORPUS, folder), job
        )
        with pytest.raises(CancelledError):
            ranked(retriever)
        os.set_blocking(told.fileno(), True)
        assert told.read() == b"", "its child goes on"  # the end comes when nobody can write


def test_a_program_that_is_not_there_is_named(folder: Path) -> None:
    paths = CorpusPaths(CORPUS, folder)
    with pytest.raises(InputError, match="cannot be started"):
        ranked(build_command("/no/such/program {query}", paths, Job()))
    with pytest.raises(InputError, match="cannot be started"):
        ranked(build_command("echo {query}", paths, Job()), "nul \0 inside")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("sg search", "has no {query}"),
        ("{query}", "has no {query}"),
        ("sg 'open", "cannot be split"),
        ("", "has no {query}"),
        ("sg {query} {corpus}", "the corpus folder is unknown"),
    ],
)
def test_a_command_line_that_cannot_work_is_refused(template: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        build_command(template, CorpusPaths(CORPUS, None), Job())


def test_an_absolute_path_needs_the_corpus_folder() -> None:
    with pytest.raises(InputError, match="absolute path") as caught:
        CorpusPaths(CORPUS, None).relative("/x/src/server.rs", "here")
    assert "--corpus" in caught.value.todo
