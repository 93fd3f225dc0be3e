"""Several processes label in one store, and its server dies on them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from core.store.journal import LabelJournal
from core.store.opening import open_store
from labels.audit.recording import LabelRecorder
from tests.building import add_scored, new_workspace, numbered

if TYPE_CHECKING:
    from tests.team.postgres_server import PostgresServer

pytestmark = pytest.mark.both_stores
HOUSE = Path(__file__).parents[2]
#: `make faults` asks for the full number: people, labels of each, and deaths of the server.
PEOPLE, LABELS, DEATHS = (8, 500, 5) if os.environ.get("REJUDGE_FAULTS") else (4, 40, 1)

LABELLER = """
import sys
from pathlib import Path
from core.store.database import Store
from core.store.opening import open_store
from labels.audit.recording import LabelRecorder
folder, url, name, count = sys.argv[1:]
with open_store(Path(folder), url=url) as store:
    pairs = [row[0] for row in store.read("SELECT id FROM db.pairs ORDER BY id")]
    recorder = LabelRecorder(store, name)
    for number in range(int(count)):
        print(recorder.grade(pairs[number % len(pairs)], number % 5 + 1, None).id, flush=True)
"""


def test_no_label_is_lost_or_doubled_when_the_server_is_killed(
    safe_server: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = safe_server.url("team")
    # Some share a folder, as visitors of one `rejudge serve` do.
    folders = [new_workspace(tmp_path / str(number)).folder for number in range(PEOPLE // 2)]
    with open_store(folders[0], url=url) as store:
        add_scored(store, numbered(40))
    # A file: DuckDB takes `python -c` for a person at a prompt and draws bars on stdout.
    program = tmp_path / "labeller.py"
    program.write_text(LABELLER)
    people = [
        subprocess.Popen(
            [
                *(sys.executable, str(program), str(folders[number // 2]), url),
                *(f"person {number}", str(LABELS)),
            ],
            env=os.environ | {"PYTHONPATH": str(HOUSE)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PEOPLE)
    ]
    began = monotonic()
    acknowledged: list[str] = []
    for _ in range(DEATHS):
        for person in people:
            assert person.stdout is not None
            share = LABELS // (DEATHS + 2)
            acknowledged += [person.stdout.readline().strip() for _ in range(share)]
        safe_server.kill()
        assert people[0].stdout is not None
        acknowledged.append(people[0].stdout.readline().strip())  # somebody grades on meanwhile
        safe_server.start()
    for person in people:
        assert person.stdout is not None
        acknowledged += person.stdout.read().split()
        person.stdout.close()
        assert person.wait() == 0
    seconds = monotonic() - began
    assert len(set(acknowledged)) == PEOPLE * LABELS
    for folder in folders:
        open_store(folder, url=url).close()  # sends what waited when its process ended
    with open_store(folders[0], url=url) as store:
        rows = store.read("SELECT CAST(id AS VARCHAR) FROM db.label_events")
    told = (
        f"{PEOPLE} people x {LABELS} labels, the server killed {DEATHS} times: {len(rows):,} there,"
        f" {len(set(rows)):,} different, {len(acknowledged) / seconds:,.0f} labels a second"
    )
    with capsys.disabled():
        print(f"\n{told}")
    assert sorted(row[0] for row in rows) == sorted(acknowledged)


def test_a_label_waits_here_until_the_server_is_back(
    safe_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labels.audit.recording._PAUSE", 0.0)
    url = safe_server.url("team")
    folder = new_workspace(tmp_path).folder
    with open_store(folder, url=url) as store:
        add_scored(store, numbered(4))
        pairs = [row[0] for row in store.read("SELECT id FROM db.pairs ORDER BY id")]
        recorder = LabelRecorder(store, "ada")
        recorder.grade(pairs[0], 1, None)
        safe_server.kill()
        waiting = [recorder.grade(pair, 2, None) for pair in pairs[1:3]]
        assert recorder.waiting == 2
        assert store.journal.events()[-2:] == waiting
        safe_server.start()
        recorder.grade(pairs[3], 3, None)
        assert recorder.waiting == 0
        assert store.read("SELECT count(*) FROM db.label_events") == [(4,)]
        safe_server.kill()
        recorder.grade(pairs[0], 5, None)
    safe_server.start()
    assert not LabelJournal(folder).path.exists()  # the workspace's own labels are apart
    for _ in range(2):
        with open_store(folder, url=url) as store:
            assert store.read("SELECT count(*), count(DISTINCT id) FROM db.label_events") == [
                (5, 5)
            ]
            assert store.journal.unsent()[0] == []
