"""The bytes that the commands write, with hostile text in every field."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.store import Store
from eval.corpus import load_corpus
from eval.evaluating import evaluate
from eval.spec_reading import make_spec
from eval.spec_store import add_spec
from eval.watching import Watch
from labels.audit_session import AuditSession
from tests.building import Scored, add_scored, named_judge, new_workspace
from tests.eval.eval_building import FixedRetriever, asked
from tests.train.run_building import CONFIG, START, make_run, steps
from train.run_events import Ended, EndStatus

HOUSE = Path(__file__).parents[2]
PROGRAM = "import sys; from tui.command_line.main import main; sys.exit(main())"
MARKUP = "[/][@click=app.quit]x[/]"
#: Sequences that no command writes, so that one that comes is the payload's.
PAYLOAD = (
    f"Zq {MARKUP} \x1b]0;Zqt\x07\x1b[7;77;777mZq\x1bPZq\x1b\\\x9b7;77m\x07\x08\u202e list[int]"
)
CSI = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
#: What a command may write: colours and erasing.
OWN_FINALS = b"mJK"


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    workspace = new_workspace(folder)
    row = Scored(PAYLOAD, f"# {PAYLOAD}\n", 5, f"{PAYLOAD}.py", PAYLOAD, rationale=PAYLOAD)
    spec = make_spec(PAYLOAD, "", [asked(PAYLOAD, "b.py")])
    with Store.open(workspace.folder) as store:
        add_scored(store, [row, replace(row, query="another", path="b.py")], named_judge(PAYLOAD))
        add_spec(store, spec)
        retriever = FixedRetriever({PAYLOAD: [row.path]}, name=PAYLOAD)
        evaluate(store, spec, load_corpus(store), retriever, Watch(), k=2)
        session = AuditSession.start(store, PAYLOAD)
        session.note(PAYLOAD)
        session.grade(4)
    ended = Ended(EndStatus.FAILED, 7, 9.0, PAYLOAD, PAYLOAD)
    make_run(
        workspace.folder,
        events=[START, *steps(1, 7), ended],
        config=replace(CONFIG, base=PAYLOAD, specs=(PAYLOAD,)),
        log=PAYLOAD,
    )
    return folder


def environment() -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    return kept | {"PYTHONPATH": str(HOUSE), "TERM": "xterm-256color", "REJUDGE_ANNOTATOR": "ada"}


def foreign(written: bytes) -> list[bytes]:
    """Return what no terminal should have got: sequences and controls that are not the app's."""
    own = [each for each in CSI.findall(written) if each[-1] in OWN_FINALS]
    found = [each for each in CSI.findall(written) if each not in own or b"77;777" in each]
    rest = CSI.sub(b"", written)
    found += re.findall(rb"\x1b.{0,8}|[\x00-\x07\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]", rest)
    shown = rest.decode("utf-8", "replace")
    return found + [
        each.encode() for each in re.findall("[\x80-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    ]


def test_what_is_foreign_is_told() -> None:
    assert len(foreign(PAYLOAD.encode())) >= 5
    assert foreign(b"\x1b[1;31mx\x1b[0m\r\n[/]") == []


@pytest.mark.own_file
@pytest.mark.parametrize("words", ["status", "next", "eval", "runs", "agreement"])
def test_no_command_lets_one_through(folder: Path, words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, *words.split()],
        cwd=folder,
        env=environment(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert foreign(done.stdout + done.stderr) == []
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0
    assert MARKUP.encode() in done.stdout
