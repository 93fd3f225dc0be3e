"""A database cut short, overwritten or gone comes back; what people did comes back whole."""

from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING

import pytest

from core.errors import StoreDamagedError, StoreError
from core.store.database import DATABASE_NAME, Store
from core.store.journal import JOURNAL_NAME, LabelJournal
from core.store.opening import open_store
from core.store.recovery import examine_store, restore
from core.workspace import Workspace
from labels.audit.session import AuditSession
from tests.building import Scored, add_scored, new_workspace, numbered
from tui.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


pytestmark = pytest.mark.own_file


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pairs and two labels in a backup; four pairs and three labels after it."""
    made = new_workspace(tmp_path_factory.mktemp("original"))
    with open_store(made.folder) as store:
        add_scored(store, numbered(8))
        grade(store, 2)
        store.back_up()
        add_scored(store, [Scored(f"later {n}", f"later {n}", symbol=f"l{n}") for n in range(4)])
        grade(store, 3)
    return made.folder


@pytest.fixture
def workspace(original: Path, tmp_path: Path) -> Workspace:
    """Return a copy of the original that a test may damage."""
    made = Workspace(tmp_path)
    shutil.copytree(original, tmp_path / original.name)
    return made


def grade(store: Store, times: int) -> None:
    session = AuditSession.start(store, "ada")
    for _ in range(times):
        session.grade(4)
        session.advance()


def events(folder: Path) -> list[str]:
    with open_store(folder) as store:
        rows = store.read("SELECT CAST(id AS VARCHAR) FROM db.label_events ORDER BY happened, id")
    return [row[0] for row in rows]


def journalled(folder: Path) -> list[str]:
    return [str(event.id) for event in LabelJournal(folder).events()]


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw[:100],
        lambda _: b"",
        lambda _: b"not a database" * 4000,
        lambda raw: raw[:4096] + bytes(8192) + raw[12288:],
    ],
    ids=["half", "head", "empty", "junk", "headers zeroed"],
)
def test_every_label_comes_back_once(
    workspace: Workspace, damage: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = workspace.folder
    before = events(folder)
    database = folder / DATABASE_NAME
    database.write_bytes(damage(database.read_bytes()))
    damaged = database.read_bytes()
    with pytest.raises(StoreDamagedError) as caught:
        open_store(folder).close()
    assert "doctor --restore" in caught.value.todo
    assert database.read_bytes() == damaged, "a damaged file is left as it is"
    assert main(["doctor", "--workspace", str(workspace.root)]) == 1
    assert "rejudge doctor --restore" in capsys.readouterr().out

    assert main(["doctor", "--restore", "--workspace", str(workspace.root), "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["label_events"], done["label_events_from_journal"]) == (5, 3)
    assert events(folder) == before == journalled(folder)
    kept = [path.read_bytes() for path in folder.glob("damaged-*.duckdb")]
    assert kept == ([damaged] if damaged else [])
    assert main(["doctor", "--workspace", str(workspace.root)]) == 0


def test_a_database_that_is_gone_is_not_begun_anew(workspace: Workspace) -> None:
    before = events(workspace.folder)
    (workspace.folder / DATABASE_NAME).unlink()
    with pytest.raises(StoreDamagedError, match="gone"):
        open_store(workspace.folder)
    done = restore(workspace.folder)
    assert done.kept is None
    assert events(workspace.folder) == before


def test_without_any_backup_the_journal_is_what_is_left(workspace: Workspace) -> None:
    before = events(workspace.folder)
    for backup in (workspace.folder / "backups").iterdir():
        backup.unlink()
    (workspace.folder / DATABASE_NAME).write_bytes(b"junk" * 9999)
    assert restore(workspace.folder).backup is None
    assert events(workspace.folder) == before


def test_a_damaged_backup_is_passed_over(workspace: Workspace) -> None:
    with open_store(workspace.folder) as store:
        newest = store.back_up()
    newest.write_bytes(newest.read_bytes()[:20000])
    (workspace.folder / DATABASE_NAME).write_bytes(b"junk" * 9999)
    done = restore(workspace.folder)
    assert done.backup is not None
    assert done.backup.path != newest
    assert len(events(workspace.folder)) == 5


def test_what_can_still_be_read_of_the_damaged_file_is_taken_over(tmp_path: Path) -> None:
    """One block of one table is bad, and the tables of after the backup can be read."""
    made = new_workspace(tmp_path)
    chance = random.Random(3)  # noqa: S311 - rows that do not compress, no secret
    with open_store(made.folder) as store:
        add_scored(store, numbered(8))
        store.back_up()
        rows = [
            Scored(f"q{n}", chance.randbytes(2000).hex(), symbol=f"l{n}", rationale=f"marked {n}")
            for n in range(400)
        ]
        add_scored(store, rows)
        store.read("CHECKPOINT db")
        blocks = store.read(
            "SELECT max(block_id) FROM pragma_storage_info('db.documents')"
            " WHERE column_name = 'text' AND segment_type = 'VARCHAR'"
        )
    database = made.folder / DATABASE_NAME
    raw = bytearray(database.read_bytes())
    damaged = 3 * 4096 + blocks[0][0] * (1 << 18) + 5000
    raw[damaged : damaged + 8] = b"########"
    database.write_bytes(raw)
    assert "checksum" in examine_store(made.folder).damage
    done = restore(made.folder)
    with open_store(made.folder) as store:
        pairs = store.read("SELECT count(*), count(DISTINCT id) FROM db.pairs")[0]
        orphans = store.read(
            "SELECT count(*) FROM db.judgments WHERE pair_id NOT IN (SELECT id FROM db.pairs)"
        )
    assert done.salvaged > 0
    assert pairs[0] == pairs[1] >= 8
    assert orphans == [(0,)]


def test_events_that_the_journal_lost_are_written_there_again(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = workspace.folder / JOURNAL_NAME
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join([lines[0], lines[1][:40], "\n", lines[4]]), encoding="utf-8")
    assert examine_store(workspace.folder).not_in_journal == 3
    assert main(["doctor", "--workspace", str(workspace.root)]) == 1
    assert "3 of them not in labels.jsonl" in capsys.readouterr().out
    done = restore(workspace.folder)
    assert (done.kept, done.backup, done.events) == (None, None, 5)
    assert sorted(journalled(workspace.folder)) == sorted(events(workspace.folder))
    assert examine_store(workspace.folder).not_in_journal == 0


def test_damage_in_any_block_is_found(workspace: Workspace) -> None:
    """Also in blocks of an index, which DuckDB reads only when something is written."""
    database = workspace.folder / DATABASE_NAME
    with open_store(workspace.folder) as store:
        store.read("CHECKPOINT db")
        used = {
            row[0]
            for (table,) in store.read(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = 'db'"
            )
            for row in store.read(f"SELECT block_id FROM pragma_storage_info('db.{table}')")
            if row[0] is not None and row[0] >= 0
        }
    raw = database.read_bytes()
    found = set()
    for block in range((len(raw) - 3 * 4096) // (1 << 18)):
        start = 3 * 4096 + block * (1 << 18) + 30
        database.write_bytes(raw[:start] + b"#" * 30 + raw[start + 30 :])
        if examine_store(workspace.folder).damage:
            found.add(block)
        database.write_bytes(raw)
    assert used
    assert used <= found
    assert len(found) > len(used), "indexes and the catalogue have blocks of their own"


@pytest.mark.parametrize("seed", range(5))
def test_any_damage_is_named_or_harmless(workspace: Workspace, seed: int) -> None:
    folder = workspace.folder
    before = events(folder)
    database = folder / DATABASE_NAME
    raw = bytearray(database.read_bytes())
    chance = random.Random(seed)  # noqa: S311 - where to damage, no secret
    start = chance.randrange(len(raw))
    if seed % 3 == 0:
        del raw[start:]
    else:
        end = min(len(raw), start + chance.choice([1, 512, 70000]))
        raw[start:end] = chance.randbytes(end - start)
    database.write_bytes(raw)
    if examine_store(folder).damage:
        restore(folder)
    assert events(folder) == before
    with open_store(folder) as store:
        add_scored(store, [Scored("one more", "one more")])
        assert AuditSession.start(store, "ada").grade(1).grade == 1


def test_a_restore_that_was_interrupted_is_done_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = events(workspace.folder)
    (workspace.folder / DATABASE_NAME).write_bytes(b"junk" * 9999)
    with monkeypatch.context() as patch:
        patch.setattr("core.files.os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "")))
        with pytest.raises(StoreError):
            restore(workspace.folder)
    restore(workspace.folder)
    assert events(workspace.folder) == before
