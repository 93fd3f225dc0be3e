"""A person at work: grades, notes, skips, undone grades, a backup now and then."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from core.store.journal import LabelJournal
from core.store.opening import open_store
from core.workspace import Workspace
from labels.audit.session import AuditSession
from tests.building import add_scored, new_workspace, numbered

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

PAIRS = 80


def prepare(root: Path) -> None:
    with open_store(new_workspace(root).folder) as store:
        add_scored(store, numbered(PAIRS))


def beside() -> AbstractContextManager[str]:
    return nullcontext("")


def run(root: Path, _: str, say: Callable[[str], None]) -> None:
    with open_store(Workspace(root).folder) as store:
        session = AuditSession.start(store, "ada")
        number = 0
        while session.current is not None:
            number += 1
            if number % 5 == 0:
                say(str(session.note("a note").id))
            if number % 11 == 0:
                say(str(session.skip().id))
            else:
                say(str(session.grade(1 + number % 5).id))
            if number % 7 == 0:
                undone = session.undo()
                assert undone is not None
                say(f"undone {undone.id}")
                say(str(session.grade(2).id))
            session.advance()
            if number % 40 == 0:
                session.refill()
                store.back_up()


def kept(root: Path) -> list[str]:
    folder = Workspace(root).folder
    with open_store(folder) as store:
        rows = store.read(
            "SELECT CAST(id AS VARCHAR), CAST(undoes AS VARCHAR) FROM db.label_events"
        )
    journalled = sorted(str(event.id) for event in LabelJournal(folder).events())
    assert journalled == sorted(identifier for identifier, _ in rows)
    return [f"undone {undone}" if undone else identifier for identifier, undone in rows]


def check_whole(root: Path, _: Path) -> None:
    with open_store(Workspace(root).folder) as store:
        (row,) = store.read(
            "SELECT count(DISTINCT pair_id) FROM standing_events"
            " WHERE action IN ('confirm', 'override', 'skip')"
        )
        assert row == (PAIRS,)
        assert AuditSession.start(store, "ada").counts.left == 0
