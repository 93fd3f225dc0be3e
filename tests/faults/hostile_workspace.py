"""A workspace with a payload in every field that text from outside can come by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from core.ids import utc_now
from core.jobs import Job
from core.store.opening import open_store
from eval.corpus import load_corpus
from eval.evaluating import evaluate
from eval.specs import add_spec, make_spec
from labels.audit.session import AuditSession
from tests.building import Scored, add_scored, named_judge, new_workspace
from tests.eval.eval_building import FixedRetriever, asked
from tests.train.run_building import CONFIG, START, make_run, steps, whole_run
from train.runs.events import Ended, EndStatus

if TYPE_CHECKING:
    from pathlib import Path

    from core.workspace import Workspace

MARKUP: Final = "[/][@click=app.quit]x[/]"
#: Sequences that no part of rejudge writes, so that one that comes is the payload's.
PAYLOAD: Final = (
    f"Zq {MARKUP} \u202e list[int] \x1b]0;Zqt\x07\x1b[7;77;777mZq\x1bPZq\x1b\\\x9b7;77m\x07\x08"
)
PROMPT: Final = "[/]"
BIDI: Final = "<U+202E>"
_SETTINGS: Final = f"""
annotator = "ada"
theme = "{MARKUP}\\u202e"
[keys]
"{MARKUP}\\u202e" = "x"
"""


def hostile_workspace(root: Path) -> Workspace:
    """Make the workspace: pairs of two judges who differ, labels, notes, evals, runs, prompts."""
    workspace = new_workspace(root)
    (workspace.folder / "settings.toml").write_text(_SETTINGS, encoding="utf-8")
    (workspace.folder / "guidelines.md").write_text(f"# {PAYLOAD}\n", encoding="utf-8")
    row = Scored(
        PAYLOAD,
        f"# {PAYLOAD}\nx = '{PAYLOAD}'\n",
        5,
        f"{PAYLOAD}.py",
        PAYLOAD,
        language=PAYLOAD,
        rationale=PAYLOAD,
    )
    rows = [replace(row, query=f"{PAYLOAD} {n}", symbol=f"{n} {PAYLOAD}") for n in range(4)]
    failed = replace(row, query=f"{PAYLOAD} failed", score=None)
    spec = make_spec(PAYLOAD, PAYLOAD, [asked(one.query, "b.py", row.path) for one in rows])
    with open_store(workspace.folder) as store:
        add_scored(store, [*rows, failed, replace(row, path="b.py")], named_judge(PAYLOAD))
        add_scored(store, [replace(one, score=1) for one in rows], named_judge(f"2 {PAYLOAD}"))
        add_spec(store, spec)
        for found in ([row.path], ["b.py"], []):
            retriever = FixedRetriever(
                {one.query: found for one in rows}, name=PAYLOAD, notices=(PAYLOAD,)
            )
            evaluate(store, spec, load_corpus(store), retriever, Job(), k=1)
        for person in ("ada", PAYLOAD):
            session = AuditSession.start(store, person)
            session.note(PAYLOAD)
            session.grade(4)
        # rejudge saves no such rubric; another program that writes to a team's store may.
        store.write(
            "INSERT INTO db.prompts SELECT uuid(), $1, $2, 0, CAST($3 AS TIMESTAMP)",
            [PROMPT, f"{PAYLOAD}\n{PAYLOAD}", utc_now()],
        )
    _add_runs(workspace)
    return workspace


def _add_runs(workspace: Workspace) -> None:
    config = replace(CONFIG, base=PAYLOAD, specs=(PAYLOAD,))
    ended = Ended(EndStatus.FAILED, 7, 9.0, PAYLOAD, PAYLOAD)
    names = ("20300504-120000-contrastive-0002", "20300503-120000-contrastive-0001")
    events = [START, *steps(1, 7), ended]
    make_run(workspace.folder, names[0], events, config, f"{PAYLOAD}\n{PAYLOAD}\n")
    make_run(workspace.folder, names[1], whole_run(), config, PAYLOAD)
