"""rejudge falls over while it judges: no key and no byte of others reaches the terminal."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.foreign_bytes import OF_THE_APP, foreign
from tests.faults.hostile_workspace import MARKUP
from tests.faults.pseudo_terminal import PATIENCE, PseudoTerminal
from tests.labels.judges.playing_server import Answer, PlayingServer, ruling
from tests.labels.workshop.audited_store import audited_workspace

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-planted-0123456789"
PROGRAM = "tests.faults.app_that_falls"
NOT_YOURS = b"This is a bug in rejudge, not a mistake of yours."


@pytest.mark.slow
@pytest.mark.own_file
@pytest.mark.parametrize("how", ["handler", "thread", "command", "task"])
def test_neither_a_key_nor_text_of_others_is_sent(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REJUDGE_API_KEY", KEY)
    audited_workspace(tmp_path, [1, 2, 3, 4, 5, 1], [1, 2, 3, 4])
    ended = threading.Event()

    def play(_: dict[str, Any], number: int) -> Answer:
        if how == "handler" and number:
            ended.wait(PATIENCE)  # the screen is to fall while it waits for answers
        return ruling(4)

    with PlayingServer(play) as server:
        with PseudoTerminal(PROGRAM, how, str(tmp_path), server.url) as terminal:
            status = terminal.read_to_end()
            ended.set()
        assert how == "task" or server.authorizations[0] == f"Bearer {KEY}"
    told = terminal.written
    assert status == (how != "thread"), told[-3000:]
    assert KEY.encode() not in told
    assert foreign(told, OF_THE_APP) == []
    assert MARKUP.encode() in told, told[-3000:]
    assert b"***" in told
    assert b"ZeroDivisionError" in told
    assert (NOT_YOURS in told) == (how != "task")
    assert (b"app_that_falls.py" in told) == (how != "thread")
