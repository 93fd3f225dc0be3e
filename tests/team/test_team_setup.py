"""A team's store made and filled, on a real server."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.errors import StoreError, StoreUnreachableError
from core.store.migrations import migrations
from core.store.opening import open_store
from core.store.push import push
from core.store.server import set_up
from labels.audit.session import AuditSession
from tests.building import Scored, add_scored, new_workspace, numbered
from tui.cli.main import main

if TYPE_CHECKING:
    from tests.team.postgres_server import PostgresServer

pytestmark = pytest.mark.both_stores
HOUSE = Path(__file__).parents[2]


def test_setting_up_twice_at_once_or_again_is_harmless(postgres: PostgresServer) -> None:
    url = postgres.url(postgres.new_database())
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: set_up(url), range(3)))
    assert {each.schema for each in done} == {migrations()[-1].number}
    assert sum(each.applied for each in done) == len(migrations())
    assert set_up(url).applied == 0
    database = url.rpartition("=")[2]
    assert postgres.sql("SELECT count(*) FROM store_settings", database) == "1"
    assert "judgments_of_pair" in postgres.sql("SELECT indexname FROM pg_indexes", database)


def test_what_is_missing_is_said(postgres: PostgresServer, tmp_path: Path) -> None:
    folder = new_workspace(tmp_path).folder
    empty = postgres.new_database()
    with pytest.raises(StoreError, match="no rejudge tables") as caught:
        open_store(folder, url=postgres.url(empty))
    assert "team setup" in caught.value.todo
    with pytest.raises(StoreError, match="no such database"):
        set_up(postgres.url("nowhere"))
    with pytest.raises(StoreError, match="does not know this user"):
        set_up(postgres.url("team", user="nobody"))
    with pytest.raises(StoreUnreachableError):
        open_store(folder, url="postgres:host=127.0.0.1 port=1 dbname=x")
    postgres.sql("CREATE ROLE guest LOGIN")
    with pytest.raises(StoreError, match="guest may not create tables") as caught:
        set_up(postgres.url(empty, user="guest"))
    assert "GRANT CREATE" in caught.value.todo
    with pytest.raises(StoreError, match="does not allow"):
        open_store(folder, url=postgres.url("team", user="guest")).read("SELECT * FROM db.pairs")


def test_an_older_or_newer_store_is_refused(postgres: PostgresServer, tmp_path: Path) -> None:
    folder = new_workspace(tmp_path).folder
    database = postgres.new_database("team")
    postgres.sql("INSERT INTO schema_migrations VALUES (9999, 'later', now())", database)
    with pytest.raises(StoreError, match="newer rejudge"):
        open_store(folder, url=postgres.url(database))
    postgres.sql("DELETE FROM schema_migrations WHERE number > 2", database)
    with pytest.raises(StoreError, match="older than this") as caught:
        open_store(folder, url=postgres.url(database))
    assert "team setup" in caught.value.todo


def test_a_push_is_whole_and_doubles_nothing(postgres: PostgresServer, tmp_path: Path) -> None:
    folder = new_workspace(tmp_path).folder
    with open_store(folder) as store:
        add_scored(store, [*numbered(50), Scored("with \0 nothing", "a\0b", 4)])
        session = AuditSession.start(store, "ada")
        for grade in (1, 5, 3):
            session.grade(grade)
            session.advance()
    database = postgres.new_database("team")
    url = postgres.url(database)
    first = push(folder, url)
    assert first.whole
    assert not first.differing
    counts = {table.table: table.sent for table in first.tables}
    assert (counts["pairs"], counts["judgments"], counts["label_events"]) == (51, 51, 3)
    again = push(folder, url)
    assert again.whole
    assert not any(table.sent for table in again.tables)
    # As if the first push had been broken off, and somebody had changed a row since.
    postgres.sql("DELETE FROM judgments WHERE score = 2", database)
    postgres.sql("UPDATE judges SET model = 'another'", database)
    mended = push(folder, url)
    assert mended.whole
    assert {table.table: table.sent for table in mended.tables if table.sent} == {"judgments": 10}
    assert [table.table for table in mended.tables if not table.same] == ["judges"]
    assert mended.differing == 1
    with open_store(folder, url=url) as store:
        assert store.read("SELECT count(*), count(DISTINCT id) FROM db.judgments") == [(51, 51)]
        assert store.read("SELECT count(*) FROM current_labels") == [(3,)]


def test_two_pushes_at_once_double_nothing(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.url(postgres.new_database("team"))
    folders = [new_workspace(tmp_path / name).folder for name in ("one", "two")]
    for folder in folders:
        with open_store(folder) as store:
            add_scored(store, numbered(60))
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda folder: push(folder, url), folders))
    assert all(report.whole for report in reports)
    with open_store(folders[0], url=url) as store:
        assert store.read("SELECT count(*) FROM db.pairs") == [(60,)]


def test_the_command_line_works_on_a_teams_store(
    postgres: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = postgres.url(postgres.new_database())
    here = ["--workspace", str(tmp_path)]
    assert main(["team", "setup", "--store", url]) == 0
    with open_store(new_workspace(tmp_path).folder) as store:
        add_scored(store, numbered(10))
    assert main([*here, "team", "push", "--store", url]) == 0
    (tmp_path / ".rejudge" / "settings.toml").write_text(f'store = "{url}"\n')
    capsys.readouterr()
    assert main([*here, "next", "--json", "--annotator", "ada"]) == 0
    pair = json.loads(capsys.readouterr().out)["pair"]
    assert main([*here, "label", pair, "4", "--json", "--annotator", "ada"]) == 0
    capsys.readouterr()
    assert main([*here, "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"]["total"] == 1
    assert main([*here, "--store", "file", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"]["total"] == 0
    assert main([*here, "undo", "--annotator", "ada"]) == 0


def test_a_password_comes_from_the_environment_and_is_told_to_nobody(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    postgres.sql("CREATE ROLE keeper LOGIN PASSWORD 'hunter2'")
    url = postgres.url("team", user="keeper")
    done = subprocess.run(
        [sys.executable, "-m", "tui.cli.main", "status", "--store", url],
        cwd=HOUSE,
        env={"PATH": "", "HOME": str(tmp_path), "PGPASSWORD": "hunter2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "hunter2" not in done.stdout + done.stderr
