from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

from core.label_journal import LabelJournal
from core.store import Store
from labels.audit_session import AuditSession
from tests.building import add_scored, new_workspace, numbered

HOUSE = Path(__file__).parents[2]

#: Grades pairs for ever and says each event's id once it is recorded.
LABELLER = """
import sys
from pathlib import Path
from core.store import Store
from labels.audit_session import AuditSession
session = AuditSession.start(Store.open(Path(sys.argv[1])), "ada")
while session.current is not None:
    print(session.grade(3).id, flush=True)
    session.advance()
"""


def test_what_was_acknowledged_before_a_kill_is_there_once(tmp_path: Path) -> None:
    folder = new_workspace(tmp_path).folder
    with Store.open(folder) as store:
        add_scored(store, numbered(400))
    chance = random.Random(7)  # noqa: S311 - when to kill, not a secret
    acknowledged: list[str] = []
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", LABELLER, str(folder)],
            cwd=HOUSE,
            stdout=subprocess.PIPE,
            text=True,
        ) as labeller:
            assert labeller.stdout is not None
            lines = [labeller.stdout.readline() for _ in range(chance.randint(1, 30))]
            assert lines[-1], "the labeller stopped by itself"
            labeller.send_signal(signal.SIGKILL)
            lines += labeller.stdout.read().splitlines()
        acknowledged += [line.strip() for line in lines if len(line.strip()) == 36]
        with Store.open(folder) as store:
            rows = store.read("SELECT CAST(id AS VARCHAR), pair_id FROM db.label_events")
            left = AuditSession.start(store, "ada").counts.left
        recorded = [row[0] for row in rows]
        assert set(acknowledged) <= set(recorded)
        assert len(recorded) == len(set(recorded)) <= len(acknowledged) + 3
        assert left == 400 - len({row[1] for row in rows})
        assert {str(event.id) for event in LabelJournal(folder).events()} == set(recorded)
    assert len(acknowledged) > 10
