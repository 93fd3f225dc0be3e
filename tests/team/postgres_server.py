"""A PostgreSQL of the tests' own: on loopback, in a folder of its own, gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

USER: Final = "rejudge"
_VERSIONS: Final = (
    "SELECT string_agg(CAST(number AS text), ',' ORDER BY number) FROM schema_migrations"
)
#: The versions of the schema, then the tables that tests fill.
_TABLES: Final = (
    f"{_VERSIONS}; SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    " AND tablename NOT IN ('schema_migrations', 'store_settings')"
)
#: As in a file: every pair goes to everybody. The tests of leases ask for other things.
_OVERLAP: Final = "INSERT INTO store_settings VALUES ('overlap', '0')"
_DEBIAN: Final = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """Return the folder of ``initdb`` and ``postgres``; Debian keeps it off the path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return folders[-1].parent if folders else None


def why_not() -> str:
    """Return why this machine cannot test a team's store; empty when it can."""
    import duckdb

    from core.errors import UnavailableError
    from core.store.server import load_extension

    if programs() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    with duckdb.connect() as root:
        try:
            root.execute("SET autoinstall_known_extensions = false")
            load_extension(root)
        except UnavailableError as error:
            return error.headline
    return ""


class PostgresServer:
    """One server. ``safe`` keeps its promises when it is killed; else it is quick."""

    def __init__(self, *, safe: bool = False) -> None:
        found = programs()
        assert found is not None
        self._programs = found
        self._folder = Path(tempfile.mkdtemp(prefix="rejudge-postgres-"))
        self._data = self._folder / "data"
        self._account = _account()
        self._databases = 0
        self._free: list[str] = []
        self._versions = ""
        self._process: subprocess.Popen[bytes] | None = None
        if self._account:
            shutil.chown(self._folder, self._account)
        self.port = _free_port()
        quick = [] if safe else ["-c", "fsync=off", "-c", "synchronous_commit=off"]
        self._options = [
            *("-D", str(self._data), "-p", str(self.port), "-k", str(self._folder)),
            *("-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=32MB"),
            *("-c", "max_connections=200", "-c", "autovacuum=off", *quick),
        ]
        self._run(
            "initdb", "-D", str(self._data), "-U", USER, "--auth=trust", "-E", "UTF8", "-N",
            "--no-locale",
        )  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(
            [str(self._programs / "postgres"), *self._options],
            user=self._account,
            group=_group(self._account),
            extra_groups=[] if self._account else None,
            cwd=self._folder,
            stdout=log,
            stderr=log,
        )
        log.close()
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()

    def kill(self) -> None:
        """End it without a word: what it had not written is gone."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

    def close(self) -> None:
        """End it and remove all of it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str, user: str = USER) -> str:
        """Return the store's url of a database."""
        return f"postgres:host=127.0.0.1 port={self.port} user={user} dbname={database}"

    def make_team(self) -> None:
        """Make the database ``team`` with the tables and no rows."""
        from core.store.server import set_up

        self.sql("CREATE DATABASE team")
        set_up(self.url("team"))
        self.sql(_OVERLAP, database="team")
        self._versions = self.sql(_VERSIONS, database="team")

    def new_database(self, template: str = "template0") -> str:
        """Make a database and return its name."""
        self._databases += 1
        name = f"store{self._databases}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def lend(self) -> str:
        """Return a database like ``team``: one that was taken back, else a new one."""
        return self._free.pop() if self._free else self.new_database("team")

    def take_back(self, database: str) -> None:
        """Empty a database for the next test; one in use or with a changed schema is left alone."""
        try:
            versions, *tables = self.sql(_TABLES, database).split()
            emptied = "; ".join(f"DELETE FROM {table}" for table in tables)
            settings = f"DELETE FROM store_settings WHERE name <> 'store'; {_OVERLAP}"
            self.sql(f"SET lock_timeout = '1s'; {emptied}; {settings}", database)
        except AssertionError:
            return
        if versions == self._versions:
            self._free.append(database)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement and return what it says."""
        return self._run(
            *("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", database),
            *("-qAtX", "-v", "ON_ERROR_STOP=1", "-c", statement),
        ).strip()

    def _answers(self) -> bool:
        ready = [str(self._programs / "pg_isready"), "-q", "-t", "1", "-h", "127.0.0.1"]
        return subprocess.run([*ready, "-p", str(self.port)], check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> str:
        command: Sequence[str] = [str(self._programs / program), *arguments]
        done = subprocess.run(
            command,
            user=self._account,
            group=_group(self._account),
            extra_groups=[] if self._account else None,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _account() -> str | None:
    """Return whose process the server is to be: PostgreSQL refuses to run as root."""
    return "nobody" if os.geteuid() == 0 else None


def _group(account: str | None) -> int | None:
    import pwd

    return pwd.getpwnam(account).pw_gid if account else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
