from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from core.errors import StoreError, StoreLockedError
from core.store.database import DATABASE_NAME
from core.store.migrations import migrations
from core.store.opening import open_store
from tests.building import add_scored, new_workspace, numbered

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return new_workspace(tmp_path).folder


@pytest.mark.own_file
def test_a_new_store_has_the_newest_schema_and_is_private(folder: Path) -> None:
    with open_store(folder) as store:
        rows = store.read("SELECT number FROM db.schema_migrations ORDER BY number")
    assert [row[0] for row in rows] == [migration.number for migration in migrations()]
    assert (folder / DATABASE_NAME).stat().st_mode & 0o777 == 0o600


def test_what_was_written_is_there_when_opened_again(folder: Path) -> None:
    with open_store(folder) as store:
        add_scored(store, numbered(3))
    with open_store(folder) as store:
        assert store.read("SELECT count(*) FROM db.pairs") == [(3,)]


def test_a_failing_transaction_leaves_nothing(folder: Path) -> None:
    with open_store(folder) as store:
        add_scored(store, numbered(1))
        with pytest.raises(ZeroDivisionError), store.transaction() as cursor:
            cursor.execute("DELETE FROM db.pairs")
            raise ZeroDivisionError
        assert store.read("SELECT count(*) FROM db.pairs") == [(1,)]


ADD_PAIR = (
    "INSERT INTO db.pairs SELECT $1::UUID, $1::UUID, $1::UUID, $2, CAST($3 AS DOUBLE PRECISION),"
    " TIMESTAMP '2030-01-01'"
)


def test_a_snapshot_sees_one_moment_and_holds_nobody_up(folder: Path) -> None:
    with open_store(folder) as store:
        with store.snapshot() as cursor:
            count = "SELECT count(*) FROM db.specs"
            assert cursor.execute(count).fetchall() == [(0,)]
            cursor.execute("CREATE TEMP TABLE seen AS SELECT 1 AS one")
            store.write("INSERT INTO db.specs VALUES (uuid(), $1, '', now())", ["later"])
            assert store.read(count) == [(1,)]
            assert cursor.execute(count).fetchall() == [(0,)]
        with store.snapshot() as cursor:
            assert cursor.execute(count).fetchall() == [(1,)]
            cursor.execute("CREATE TEMP TABLE seen AS SELECT 2 AS one")


def test_a_single_write_is_kept_and_can_be_repeated_from_any_thread(folder: Path) -> None:
    with open_store(folder) as store, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.write(ADD_PAIR, [uuid4(), "import", None]), range(20)))
    with open_store(folder) as store:
        assert store.read("SELECT count(*) FROM db.pairs") == [(20,)]


def test_a_refused_single_write_leaves_nothing_and_the_next_one_works(folder: Path) -> None:
    with open_store(folder) as store:
        identifier = uuid4()
        store.write(ADD_PAIR, [identifier, "import", 0.5])
        for taken, probability in ((identifier, 0.5), (uuid4(), 7.0)):
            with pytest.raises(StoreError):
                store.write(ADD_PAIR, [taken, "import", probability])
        store.write(ADD_PAIR, [uuid4(), "import", None])
        assert store.read("SELECT count(*), max(inclusion_probability) FROM db.pairs") == [(2, 0.5)]


def test_a_newer_database_is_refused(folder: Path) -> None:
    with open_store(folder) as store, store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO db.schema_migrations VALUES (9999, 'later', TIMESTAMP '2030-01-01')"
        )
    with pytest.raises(StoreError, match="newer rejudge") as caught:
        open_store(folder)
    assert "Upgrade" in caught.value.todo


@pytest.mark.own_file
def test_a_second_process_is_told_who_has_the_database(folder: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom core.store.opening import open_store\n"
        "store = open_store(Path(sys.argv[1]))\nprint('open', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "open\n"
        with pytest.raises(StoreLockedError, match=str(owner.pid)):
            open_store(folder)
        owner.communicate("")
    open_store(folder).close()


@pytest.mark.own_file
@pytest.mark.parametrize("content", [b"", b"junk" * 5000, b"\0" * 20000])
def test_a_damaged_file_is_named_and_left_alone(folder: Path, content: bytes) -> None:
    path = folder / DATABASE_NAME
    path.write_bytes(content)
    if not content:
        open_store(folder).close()
        return
    with pytest.raises(StoreError) as caught:
        open_store(folder)
    assert str(path) in caught.value.where
    assert path.read_bytes() == content


@pytest.mark.own_file
def test_a_folder_in_the_place_of_the_database_is_an_error(folder: Path) -> None:
    (folder / DATABASE_NAME).mkdir()
    with pytest.raises(StoreError, match="folder"):
        open_store(folder)


def test_sql_reaches_no_file_outside_the_workspace(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_text("a\n1\n")
    with open_store(folder) as store, pytest.raises(StoreError):
        store.read(f"SELECT * FROM read_csv('{outside}')")
    with open_store(folder, allowed_files=[outside]) as store:
        assert store.read(f"SELECT * FROM read_csv('{outside}')") == [(1,)]
