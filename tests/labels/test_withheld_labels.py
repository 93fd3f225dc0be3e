"""Nobody sees what others said of a pair before grading it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.records import Action
from labels.agreement.disagreements import judge_disagreements
from labels.audit.filters import parse_filter
from labels.audit.items import AuditItem, AuditShares
from labels.audit.labelling import label_pair
from labels.audit.recording import LabelRecorder
from labels.audit.session import AuditSession
from labels.audit.strategies import REPEAT
from tests.building import Scored, add_scored, named_judge, numbered

if TYPE_CHECKING:
    from core.store.database import Store


def seen_by(store: Store, annotator: str, words: str = "") -> AuditItem:
    item = AuditSession.start(store, annotator, audit_filter=parse_filter(words)).current
    assert item is not None
    return item


def graded_by(item: AuditItem) -> list[tuple[str, int]]:
    return [(label.annotator, label.grade) for label in item.labels]


@pytest.fixture
def bobs(store: Store) -> AuditItem:
    """One pair that bob graded 2, noted, and passed over first."""
    add_scored(store, [Scored("q", "x", 4)])
    session = AuditSession.start(store, "bob")
    session.skip()
    session.note("bob's reason")
    session.grade(2)
    assert session.current is not None
    return session.current


def test_the_labels_and_notes_of_others_come_with_the_own_grade(
    store: Store, bobs: AuditItem
) -> None:
    assert (graded_by(bobs), bobs.notes) == ([("bob", 2)], ("bob's reason",))
    session = AuditSession.start(store, "ada")
    before = session.current
    assert before is not None
    assert (before.labels, before.notes, before.skipped) == ((), (), False)
    session.flag()
    session.note("ada's own")
    assert session.current is not None
    assert (session.current.labels, session.current.notes) == ((), ("ada's own",))
    session.grade(5)
    assert session.current is not None
    assert graded_by(session.current) == [("ada", 5), ("bob", 2)]
    assert set(session.current.notes) == {"ada's own", "bob's reason"}
    again = seen_by(store, "ada", "is:labelled")
    assert graded_by(again) == [("ada", 5), ("bob", 2)]
    assert set(again.notes) == {"ada's own", "bob's reason"}


def test_a_grade_taken_back_closes_them_again(store: Store, bobs: AuditItem) -> None:
    session = AuditSession.start(store, "ada")
    session.grade(5)
    session.undo()
    assert session.current is not None
    assert (session.current.labels, session.current.notes) == ((), ())


@pytest.mark.parametrize("words", ["is:unlabelled", "is:any"])
def test_no_filter_opens_them(store: Store, bobs: AuditItem, words: str) -> None:
    assert (seen_by(store, "ada", words).labels, seen_by(store, "ada", words).notes) == ((), ())


@pytest.mark.parametrize("words", ["is:labelled", "is:skipped"])
def test_what_others_did_puts_no_pair_into_a_filter(
    store: Store, bobs: AuditItem, words: str
) -> None:
    chosen = parse_filter(words)
    assert AuditSession.start(store, "ada", audit_filter=chosen).current is None
    assert AuditSession.start(store, "bob", audit_filter=chosen).current is not None


def test_a_flag_warns_everybody(store: Store, bobs: AuditItem) -> None:
    LabelRecorder(store, "bob").mark(bobs.pair.id, Action.FLAG)
    flagged = seen_by(store, "ada", "is:flagged")
    assert flagged.flagged
    assert flagged.labels == ()


def test_the_command_that_grades_one_pair_withholds_them_too(store: Store, bobs: AuditItem) -> None:
    assert label_pair(store, str(bobs.pair.id), 4, "ada").item.labels == ()
    assert graded_by(label_pair(store, str(bobs.pair.id), 4, "ada").item) == [
        ("ada", 4),
        ("bob", 2),
    ]


def test_the_list_of_fights_tells_no_grade_either(store: Store, bobs: AuditItem) -> None:
    add_scored(store, [Scored("q", "x", 1)], named_judge("second"))
    assert [fight.grade for fight in judge_disagreements(store, annotator="ada").worst] == [None]
    assert [fight.grade for fight in judge_disagreements(store, annotator="bob").worst] == [2]
    AuditSession.start(store, "ada").grade(4)
    assert [fight.grade for fight in judge_disagreements(store, annotator="ada").worst] == [3]


def test_a_pair_that_comes_back_shows_nothing_that_was_said_of_it(store: Store) -> None:
    add_scored(store, numbered(200))
    pairs = [row[0] for row in store.read("SELECT id FROM db.pairs ORDER BY id LIMIT 80")]
    for name, grade in (("bob", 1), ("ada", 5)):
        recorder = LabelRecorder(store, name)
        for pair in pairs:
            recorder.mark(pair, Action.NOTE, note=name)
            recorder.grade(pair, grade, None)
    session = AuditSession.start(store, "ada", shares=AuditShares(repeats=0.5))
    session.refill()
    while session.current is not None and session.current.strategy != REPEAT:
        session.advance()
    assert session.current is not None
    assert (session.current.labels, session.current.notes) == ((), ())
    session.grade(4)
    assert graded_by(session.current) == [("ada", 4), ("bob", 1)]
