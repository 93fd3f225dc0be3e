"""The command line itself: its help, its options, its errors, and where it may be called."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core.store.opening import open_store
from tests.building import Scored, add_scored, new_workspace
from tui.cli.groups import COMMANDS, load_command
from tui.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
HEAVY = {
    "duckdb",
    "numpy",
    "scipy",
    "mlx",
    "transformers",
    "tokenizers",
    "openai",
    "pydantic",
    "bm25s",
    "tree_sitter",
    "textual",
}


def rejudge(*words: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run ``rejudge`` as a process, without a terminal."""
    return subprocess.run(
        [sys.executable, str(ROOT / "rejudge.py"), *words],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        **settings,
    )


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command and subcommand with the words that call it."""
    for name in COMMANDS:
        command = load_command(name)
        yield (name,), command
        for sub in getattr(command, "commands", {}):
            yield (name, sub), command.commands[sub]


ALL = list(commands())


@pytest.mark.parametrize(("words", "command"), ALL, ids=[" ".join(words) for words, _ in ALL])
def test_every_command_explains_itself_and_its_options(
    words: tuple[str, ...], command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for flag in ("--help", "-h"):
        assert main([*words, flag]) == 0
        shown = capsys.readouterr()
        assert shown.err == ""
        assert "Usage: rejudge" in shown.out
    summary = command.help.split("\n")[0]
    assert summary[0].isupper()
    assert summary.endswith(".")
    for parameter in command.params:
        assert len(parameter.help) > 5, parameter.name
        assert parameter.help.endswith("."), parameter.name
    options = {flag for parameter in command.params for flag in parameter.opts}
    assert {"--workspace", "--store"} <= options
    assert "--json" in options or words == ("serve",)


def test_examples_in_the_help_are_command_lines_of_rejudge() -> None:
    import shlex

    from typer import Exit

    for words, command in ALL:
        lines = (command.epilog or "").replace("\\[", "[").split("\n")[1:]
        for line in lines:
            dollar, program, *rest = shlex.split(line)
            assert (dollar, program) == ("$", "rejudge")
            if rest[: len(words)] == list(words) and not hasattr(command, "commands"):
                try:
                    command.make_context(" ".join(words), rest[len(words) :])
                except Exit:
                    pytest.fail(line)


def test_the_list_of_commands_is_grouped_and_complete(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    panels = list(dict.fromkeys(entry.panel for entry in COMMANDS.values()))
    places = [shown.index(f"─ {panel} ") for panel in panels]
    assert places == sorted(places)
    for entry in COMMANDS.values():
        assert entry.summary in shown


@pytest.mark.parametrize(
    "words",
    [(), *((name,) for name in COMMANDS), ("import", "pairs"), ("pairs", "generate")],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    program = (
        "import json, sys\n"
        "from tui.cli.main import main\n"
        f"main([*{words!r}, '--help'])\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not set(json.loads(done.stdout.splitlines()[-1])) & HEAVY


def test_a_command_imports_only_its_own_module() -> None:
    program = (
        "import sys\n"
        "from tui.cli.main import main\n"
        "main(['undo', '--help'])\n"
        "sys.exit(not {'tui.cli.audit'} >= {name for name in sys.modules if name.startswith("
        "'tui.cli.') and name.split('.')[2] not in {'main', 'groups', 'options', 'output'}})"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stats"], "status"),
        (["status", "--jsn"], "--json"),
        (["eval", "x", "--k", "0"], "--k takes a number from 1 to 100, not 0"),
        (["eval", "x", "--k", "ten"], "--k takes a whole number, not ten"),
        (["eval", "x", "--timeout", "nan"], "--timeout takes a number above 0"),
        (["eval", "x", "--retriever", "grep"], "--retriever takes lexical, encoder"),
        (["export", "xml", "f"], "FORMAT takes jsonl, qrels, parquet or csv, not xml"),
        (["label"], "PAIR is missing"),
        (["label", "0f"], "GRADE is missing"),
        (["import"], "rejudge import needs a subcommand"),
        (["team"], "rejudge team needs a subcommand"),
        (["misses", "--relevant", "q"], "'--relevant' requires 2 arguments"),
        (["train", "--dry-run", "--stop", "x"], "--dry-run and --stop exclude each other"),
        (["pairs", "mine", "--per-document", "3"], "--per-document"),
        (["status", "more"], "unexpected extra argument"),
        (["status", "--json=yes"], "--json"),
        (["undo\x1b[2J"], "undo\\x1b[2J"),
    ],
)
def test_words_that_are_not_understood_are_an_error_in_two_lines(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    new_workspace(tmp_path)
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    first, second = shown.err.splitlines()
    assert first.startswith("rejudge: ")
    assert said in first
    assert second.startswith("  See: rejudge")
    assert second.endswith("--help")


@pytest.mark.parametrize(
    "words",
    [
        ["--workspace", "W", "--json", "prompts"],
        ["prompts", "--workspace", "W", "--json"],
        ["prompts", "list", "--workspace", "W", "--json"],
        ["--json", "prompts", "--workspace", "W", "list"],
        ["--workspace", "elsewhere", "prompts", "--json", "list", "--workspace", "W"],
    ],
)
def test_common_options_stand_before_or_after_the_command(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_workspace(tmp_path)
    assert main([str(tmp_path) if word == "W" else word for word in words]) == 0
    assert json.loads(capsys.readouterr().out) == {"prompts": []}


def test_options_of_a_subcommand_stand_before_or_after_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    new_workspace(tmp_path)
    for words in (["pairs", "--top", "0", "mine"], ["pairs", "mine", "--top", "0"]):
        assert main(words) == 2
        assert "rejudge import corpus" in capsys.readouterr().err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    alone = capsys.readouterr().out
    assert alone.startswith("rejudge ")
    assert main(["--workspace", "x", "--version"]) == 0
    assert capsys.readouterr().out == alone


def test_a_shell_completes_commands_and_the_names_that_options_take() -> None:
    def completed(line: str) -> list[str]:
        asked = {
            "_REJUDGE_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split(" ")) - 1),
        }
        return rejudge(env={**os.environ, **asked}).stdout.split()

    assert completed("rejudge ca") == ["calibrate"]
    assert completed("rejudge import ") == ["corpus", "pairs", "spec"]
    assert completed("rejudge judge --judge l") == ["llm", "lexical"]
    assert completed("rejudge export p") == ["parquet"]
    assert completed("rejudge label --adj") == ["--adjudicate"]


@pytest.mark.parametrize("piped", ["stdin", "stdout"])
def test_without_a_terminal_the_app_does_not_start(piped: str, tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    streams = {"stdin": terminal, "stdout": terminal} | {piped: subprocess.DEVNULL}
    done = subprocess.run(
        [sys.executable, str(ROOT / "rejudge.py")],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        **streams,  # type: ignore[call-overload]
    )
    os.close(controller)
    os.close(terminal)
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert "the app needs a terminal" in first
    assert "rejudge --help" in second


@pytest.mark.slow
@pytest.mark.own_file
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_the_encoding_lacks_is_escaped(encoding: str, tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "naïve 日本 🦀")
    with open_store(workspace.folder) as store:
        add_scored(store, [Scored("übel … 🦀", "x = '日本'", 4)])
    for words in (["next"], ["status"], ["agreement"], ["keys"], ["train", "--help"], ["ü"]):
        done = rejudge(
            *words,
            cwd=workspace.root,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            encoding=encoding,
        )
        assert done.returncode == (2 if words == ["ü"] else 0), done.stderr
        assert "Traceback" not in done.stderr
        if words == ["next"]:
            answer = rejudge(
                "next",
                "--json",
                cwd=workspace.root,
                env={**os.environ, "PYTHONIOENCODING": encoding},
                encoding=encoding,
            ).stdout
            assert json.loads(answer)["query"] == "übel … 🦀"
