from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import core.store.database
from core.errors import StoreError, StoreLockedError
from core.ids import utc_now
from core.store.backups import KEPT, backups
from core.store.database import DATABASE_NAME
from core.store.journal import LabelJournal
from core.store.opening import open_store
from core.store.read_only import READ_ONLY_NAME, open_for_reading
from core.workspace import Workspace
from labels.audit.session import AuditSession
from labels.status import workspace_status
from tests.building import add_scored, new_workspace, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.own_file
OWNER = """
import sys
from pathlib import Path
from core.store.database import Store
from core.store.opening import open_store
store = open_store(Path(sys.argv[1]))
print('open', flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return new_workspace(tmp_path).folder


@pytest.fixture
def owned(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A workspace with a backup, three labels made since, and another process that has it."""
    with open_store(folder) as store:
        add_scored(store, numbered(8))
        store.back_up()
        session = AuditSession.start(store, "ada")
        for _ in range(3):
            session.grade(4)
            session.advance()
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "open\n"
        yield owner
        owner.communicate("")


def test_a_backup_is_whole_private_and_one_of_the_newest_few(folder: Path) -> None:
    with open_store(folder) as store:
        add_scored(store, numbered(4))
        made = [store.back_up() for _ in range(KEPT + 2)]
    assert len(set(made)) == KEPT + 2
    assert [one.path for one in backups(folder)] == sorted(made, reverse=True)[:KEPT]
    assert {path.stat().st_mode & 0o777 for path in (folder / "backups").iterdir()} == {0o600}
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / DATABASE_NAME).write_bytes(made[-1].read_bytes())
    with open_store(elsewhere) as store:
        assert store.read("SELECT count(*) FROM db.pairs") == [(4,)]


def test_it_is_due_when_there_is_none_when_it_is_old_and_after_so_many_labels(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.store.database, "LABELS_BETWEEN", 3)
    with open_store(folder) as store:
        add_scored(store, numbered(8))
        assert store.back_up_if_due()
        assert store.back_up_if_due() is None
        session = AuditSession.start(store, "ada")
        for _ in range(3):
            session.grade(1)
        assert store.back_up_if_due()
        for days in (2, -2):
            there = utc_now() + timedelta(days=days)
            monkeypatch.setattr(core.store.database, "utc_now", lambda now=there: now)
            assert store.back_up_if_due(), "a clock that jumps must not end the backups"


def test_a_full_disk_costs_no_backup(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(folder) as store:
        add_scored(store, numbered(4))
        kept = store.back_up()

        def full(_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("core.files.sync", full)
        with pytest.raises(StoreError, match="disk is full"):
            store.back_up()
        assert [one.path for one in backups(folder)] == [kept]
        assert len(list((folder / "backups").iterdir())) == 1
        assert store.read("SELECT count(*) FROM db.pairs") == [(4,)]


def test_others_see_the_newest_backup_with_the_labels_of_now(
    folder: Path, owned: subprocess.Popen[str]
) -> None:
    with open_for_reading(Workspace(folder.parent)) as store:
        assert store.read_only_copy is not None
        assert str(owned.pid) in store.read_only_copy.notice
        status = workspace_status(store)
        assert (status.pairs, status.labels) == (8, 3)
        with pytest.raises(StoreLockedError, match=str(owned.pid)):
            AuditSession.start(store, "bob").grade(5)
        with pytest.raises(StoreLockedError):
            store.back_up()
    assert not list((folder / READ_ONLY_NAME).iterdir())
    assert len(LabelJournal(folder).events()) == 3


def test_what_a_killed_reader_left_is_cleared_away(
    folder: Path, owned: subprocess.Popen[str]
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    mine = folder / READ_ONLY_NAME / f"{os.getpid()}-1"
    for left in (mine, folder / READ_ONLY_NAME / f"{gone.pid}-1"):
        left.mkdir(parents=True)
    open_for_reading(Workspace(folder.parent)).close()
    assert list((folder / READ_ONLY_NAME).iterdir()) == [mine]
    assert owned.poll() is None


def test_without_a_backup_the_second_process_is_told_who_has_it(folder: Path) -> None:
    with (
        open_store(folder),
        subprocess.Popen(
            [sys.executable, "-m", "tui.cli.main", "status", "--workspace", folder.parent],
            stderr=subprocess.PIPE,
            text=True,
        ) as second,
    ):
        assert f"process {os.getpid()}" in second.communicate()[1]
    assert second.returncode == 2


def test_a_folder_that_duckdb_cannot_open_is_refused_before_anything_is_made(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "what?" / ".rejudge"
    folder.mkdir(parents=True)
    with pytest.raises(StoreError, match="question mark"):
        open_store(folder)
    assert not (folder / DATABASE_NAME).exists()
