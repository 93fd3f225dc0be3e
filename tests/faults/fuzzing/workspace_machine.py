"""A real workspace under random use, beside a model of it in plain Python.

Only a ``RejudgeError`` may be raised. After each step every label that the model has is in force in
the store, once and no other; every event is there once; no judgment of a failure has a score.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.corpus.importing import import_corpus
from core.errors import RejudgeError
from core.records import Action, ImportReport, LabelEvent
from core.store.opening import open_workspace_store
from core.workspace import Workspace
from eval.specs import import_spec
from labels.audit.filters import parse_filter
from labels.audit.session import AuditSession
from labels.calibration.calibrating import calibrate
from labels.exporting import WRITERS, export
from labels.judges.judging import JudgingPlan, judge_pairs
from labels.judges.lexical import build_lexical_judge
from labels.pairs.importing import import_pairs
from tests.faults.fuzzing import hostile_input

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

ANNOTATORS = ("ada", "bob \x1b[2J")
GRADES = (Action.CONFIRM, Action.OVERRIDE)

#: What was done in all workspaces of this process: imports, specs, label sequences, refusals.
counts: Counter[str] = Counter()
#: One step of a label sequence: what, a grade, a note.
label_steps = st.tuples(
    st.sampled_from(
        ["grade", "grade", "grade", "skip", "flag", "note", "undo", "advance", "advance", "back"]
    ),
    st.integers(-1, 6),
    hostile_input.notes,
)

ADVANCE = ("advance", 0, "")


class WorkspaceMachine(RuleBasedStateMachine):
    """One workspace, opened, used, closed and opened again."""

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp(prefix="rejudge-fuzz-"))
        self.workspace = Workspace(self.top / "work")
        self.workspace.create()
        (self.top / "code").mkdir()
        self.store = open_workspace_store(self.workspace)
        self.made: list[LabelEvent] = []
        self.standing: dict[str, list[LabelEvent]] = {each: [] for each in ANNOTATORS}
        self.sessions: dict[str, AuditSession] = {}
        self.pairs = 0
        counts["workspaces"] += 1

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.top, ignore_errors=True)

    def attempt(self, kind: str, job: Callable[..., Any], *words: object) -> Any:
        """Do something that a person's mistake may stop, and nothing else."""
        counts[kind] += 1
        try:
            return job(*words)
        except RejudgeError as error:
            counts["refused"] += 1
            refusal = error
        assert refusal.what
        str(refusal).encode("utf-8", "surrogatepass")
        return None

    def file(self, name: str, content: bytes) -> Path:
        path = self.top / name
        path.write_bytes(content)
        return path

    @rule(content=hostile_input.pair_files)
    def import_a_pairs_file(self, content: bytes) -> None:
        path = self.file("pairs.jsonl", content)
        report = self.attempt("imports of pairs", lambda: import_pairs(self.store, path))
        if report is not None:
            self.agrees(report)
            now = self.count("db.pairs")
            assert now - self.pairs == report.added
            self.pairs = now

    @rule(content=hostile_input.spec_files)
    def import_a_spec(self, content: bytes) -> None:
        path = self.file("spec.json", content)
        report = self.attempt("imports of specs", lambda: import_spec(self.store, path))
        if report is not None:
            assert report.read == report.added + report.unchanged + report.skipped

    @rule(files=hostile_input.corpora, links=st.booleans())
    def import_a_corpus(self, files: dict[bytes, str], links: bool) -> None:
        folder = self.top / "code"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, content in files.items():
            place = os.fsencode(folder) + b"/" + name
            os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
            with open(place, "wb") as file:  # noqa: PTH123
                file.write(hostile_input.SOURCES[content])
        if links:
            (folder / "loop").symlink_to(folder)
            (folder / "passwd.py").symlink_to("/etc/passwd")
            (folder / "up").symlink_to("../..")
        report = self.attempt("imports of a corpus", lambda: import_corpus(self.store, folder))
        if report is not None:
            assert report.read == report.added + report.updated + report.unchanged
            assert report.read == self.count("db.documents WHERE in_corpus")
            for (path,) in self.store.read("SELECT path FROM db.documents WHERE in_corpus"):
                assert os.fsencode(path) in files

    @precondition(lambda self: self.pairs)
    @rule(who=st.sampled_from(ANNOTATORS), steps=st.lists(label_steps, min_size=1, max_size=8))
    def label(self, who: str, steps: list[tuple[str, int, str]]) -> None:
        counts["label sequences"] += 1
        for action, grade, note in steps:
            event = self.attempt("label steps", self.labelled, who, action, grade, note)
            if isinstance(event, LabelEvent) and action != "undo":
                self.made.append(event)
                self.standing[who].append(event)

    @precondition(lambda self: self.pairs)
    @rule(who=st.sampled_from(ANNOTATORS), grades=st.lists(st.integers(1, 5), max_size=4))
    def grade_and_go_on(self, who: str, grades: list[int]) -> None:
        self.label(who, [step for each in grades for step in (("grade", each, ""), ADVANCE)])

    @precondition(lambda self: self.made)
    @rule(who=st.sampled_from(ANNOTATORS), times=st.integers(1, 4))
    def take_back(self, who: str, times: int) -> None:
        self.label(who, [("undo", 0, "")] * times)

    def labelled(self, who: str, action: str, grade: int, note: str) -> object:
        if who not in self.sessions:
            self.sessions[who] = AuditSession.start(self.store, who)
        session = self.sessions[who]
        if action == "undo":
            undone = session.undo()
            expected = self.standing[who].pop() if self.standing[who] else None
            assert undone == expected
            if expected is not None:
                self.made.append(expected)  # the event of the undo itself counts too
            return undone
        if action in {"advance", "back"}:
            return getattr(session, action)()
        session.refill()
        if action == "grade":
            return session.grade(grade, hidden=grade % 2 == 0, milliseconds=7)
        return session.note(note) if action == "note" else getattr(session, action)()

    @rule(who=st.sampled_from(ANNOTATORS), text=hostile_input.filters)
    def narrow(self, who: str, text: str) -> None:
        def change() -> None:
            session = self.sessions.get(who) or AuditSession.start(self.store, who)
            self.sessions[who] = session.with_filter(parse_filter(text))

        self.attempt("filters", change)

    @precondition(lambda self: self.pairs)
    @rule(sometimes=st.integers(0, 3))
    def judge_by_words(self, sometimes: int) -> None:
        if sometimes:
            return
        make = lambda: build_lexical_judge(self.store)  # noqa: E731
        self.attempt("judgings", lambda: judge_pairs(self.store, make, JudgingPlan()))

    @precondition(lambda self: self.made)
    @rule(sometimes=st.integers(0, 9))
    def calibrate(self, sometimes: int) -> None:
        if sometimes:
            return
        self.attempt("calibrations", lambda: calibrate(self.store))

    @rule(form=st.sampled_from(sorted(WRITERS)), place=st.sampled_from(["out", "no/such", "code"]))
    def export(self, form: str, place: str) -> None:
        target = self.top / place
        report = self.attempt("exports", lambda: export(self.store, form, target))
        if report is not None:
            assert target.is_file()

    @rule(sometimes=st.integers(0, 2))
    def open_again(self, sometimes: int) -> None:
        if sometimes:
            return
        counts["openings"] += 1
        self.store.close()
        self.store = open_workspace_store(self.workspace)
        self.sessions.clear()
        journalled = [event.id for event in self.store.journal.events()]
        assert len(journalled) == len(set(journalled)) == len(self.made)

    @invariant()
    def every_label_is_in_force_once(self) -> None:
        rows = self.store.read("SELECT annotator, pair_id, grade FROM current_labels")
        found = {(annotator, pair): grade for annotator, pair, grade in rows}
        assert len(found) == len(rows)
        assert found == self.expected()
        assert self.count("db.label_events") == len(self.made)

    @invariant()
    def nothing_is_half_there(self) -> None:
        for table, wrong in (
            ("label_events", "pair_id NOT IN (SELECT id FROM db.pairs)"),
            ("pairs", "document_id NOT IN (SELECT id FROM db.documents)"),
            ("judgments", "(score IS NULL) = (failure IS NULL) OR score NOT BETWEEN 1 AND 5"),
        ):
            assert self.count(f"db.{table} WHERE {wrong}") == 0

    def expected(self) -> dict[tuple[str, UUID], int]:
        return {
            (who, event.pair_id): event.grade
            for who, events in self.standing.items()
            for event in events
            if event.action in GRADES and event.grade is not None and not event.adjudicates
        }

    def count(self, rows: str) -> int:
        return int(self.store.read(f"SELECT count(*) FROM {rows}")[0][0])

    @staticmethod
    def agrees(report: ImportReport) -> None:
        used = report.added + report.updated + report.unchanged + report.skipped
        assert report.read == used
        assert report.problems_total >= report.skipped
