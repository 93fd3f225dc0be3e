"""The bytes that the app and the commands write, with hostile text in every field."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.faults.foreign_bytes import OF_THE_APP, foreign
from tests.faults.hostile_workspace import BIDI, MARKUP, PAYLOAD, hostile_workspace
from tests.faults.pseudo_terminal import HOUSE, PseudoTerminal
from tui.commands import SCREENS

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = "import sys; from tui.cli.main import main; sys.exit(main())"


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    hostile_workspace(folder)
    return folder


def test_what_is_foreign_is_told() -> None:
    assert len(foreign(PAYLOAD.encode())) >= 5
    assert len(foreign(PAYLOAD.encode(), OF_THE_APP)) >= 5
    assert foreign(b"\x1b[1;31mx\x1b[0m\r\n[/]") == []
    assert foreign(b"\x1b[?25l\x1b[2;3H\x1b]52;c;YQ==\x07", OF_THE_APP) == []


@pytest.mark.slow
@pytest.mark.own_file
def test_no_screen_lets_one_through(folder: Path, tmp_path: Path) -> None:
    report = tmp_path / "seen.json"
    with PseudoTerminal("tests.faults.tour", str(folder), str(report)) as terminal:
        assert terminal.read_to_end() == 0, terminal.written[-3000:]
        assert foreign(terminal.written, OF_THE_APP) == []
        assert b"Traceback" not in terminal.written
    seen: dict[str, list[str]] = json.loads(report.read_text(encoding="utf-8"))
    assert seen.keys() == SCREENS.keys()
    for mode in SCREENS.keys() - {"help"}:
        shown = "\n".join(seen[mode])
        assert MARKUP in shown, mode
        assert BIDI in shown, mode


@pytest.mark.slow
@pytest.mark.own_file
@pytest.mark.parametrize("words", ["status", "next", "eval", "runs", "agreement"])
def test_no_command_lets_one_through(folder: Path, words: str) -> None:
    kept = {name: text for name, text in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, *words.split()],
        cwd=folder,
        env=kept | {"PYTHONPATH": str(HOUSE), "TERM": "xterm-256color", "REJUDGE_ANNOTATOR": "ada"},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert foreign(done.stdout + done.stderr) == []
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0
    assert MARKUP.encode() in done.stdout
