"""Pairs on which people differ, and the grade that settles them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from core.records import Action
from core.store.database import Store
from core.store.events import restore_from_journal
from core.store.journal import decode_event, encode_event
from labels.agreement.disagreements import judge_disagreements
from labels.agreement.labelled import current_grades, deciding_grades, standing_grades
from labels.audit.filters import parse_filter
from labels.audit.labelling import label_pair, undo_last
from labels.audit.recording import LabelRecorder
from labels.audit.session import AuditSession
from labels.audit.team import team_status
from labels.calibration.material import learning_material
from labels.exporting import ExportPlan, Grades, export
from labels.status import workspace_status
from labels.trust import measure_agreement
from labels.workshop.prompts import choose_examples
from tests.building import Scored, add_scored, named_judge
from train.dataset.building import grade_pairs
from train.dataset.records import TrainingSetPlan
from tui.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

#: Ada's and bob's grade of each pair; the judge gave each a 4.
GIVEN = {"alike": (3, 3), "near": (3, 4), "apart": (2, 4), "far": (5, 1)}
ROWS = {name: Scored(f"find {name}", f"def {name}(): ...\n", 4, symbol=name) for name in GIVEN}
APART, FAR = (UUID(ROWS[name].pair_id) for name in ("apart", "far"))
DISPUTED = parse_filter("is:disputed")


@pytest.fixture
def store(store: Store) -> Store:
    add_scored(store, ROWS.values())
    for place, name in enumerate(("ada", "bob")):
        recorder = LabelRecorder(store, name)
        for row, grades in GIVEN.items():
            pair = UUID(ROWS[row].pair_id)
            recorder.grade(pair, grades[place], None, note=f"{name} on {row}", milliseconds=4000)
    return store


def pairs_under(store: Store, words: str, annotator: str) -> set[UUID]:
    session = AuditSession.start(store, annotator, audit_filter=parse_filter(words))
    found = set()
    while session.current is not None:
        found.add(session.current.pair.id)
        session.advance()
    return found


@pytest.mark.parametrize("annotator", ["ada", "bob", "carl"])
def test_the_filter_finds_pairs_with_grades_two_or_more_apart(store: Store, annotator: str) -> None:
    assert pairs_under(store, "is:disputed", annotator) == {APART, FAR}
    assert pairs_under(store, "is:disputed apart", annotator) == {APART}
    assert pairs_under(store, "is:adjudicated", annotator) == set()


def test_who_graded_sees_every_persons_grade_note_and_time_and_settles_it(store: Store) -> None:
    session = AuditSession.start(store, "ada", audit_filter=parse_filter("is:disputed apart"))
    item = session.current
    assert item is not None
    assert [
        (one.label.annotator, one.label.grade, one.label.milliseconds, one.notes)
        for one in item.opinions
    ] == [("bob", 4, 4000, ("bob on apart",)), ("ada", 2, 4000, ("ada on apart",))]
    assert session.adjudicates
    event = session.grade(3)
    assert (event.adjudicates, event.annotator, event.action) == (True, "ada", Action.OVERRIDE)
    assert (session.counts.done, session.counts.left) == (1, 0)
    assert session.current is not None
    assert session.current.adjudication is not None
    assert session.current.adjudication.grade == 3
    assert session.current.label_of("ada") == item.label_of("ada")
    assert pairs_under(store, "is:disputed", "bob") == {FAR}
    assert pairs_under(store, "is:adjudicated", "bob") == {APART}


def test_who_did_not_grade_sees_nothing_before_a_grade_of_their_own(store: Store) -> None:
    session = AuditSession.start(store, "carl", audit_filter=parse_filter("is:disputed far"))
    assert session.current is not None
    assert (session.current.opinions, session.current.notes) == ((), ())
    assert not session.adjudicates
    own = session.grade(2)
    assert not own.adjudicates
    assert session.adjudicates
    assert [one.label.grade for one in session.current.opinions] == [5, 2, 1]
    assert (session.counts.done, session.counts.left) == (0, 1)
    assert session.grade(4).adjudicates
    assert [(one.annotator, one.grade) for one in current_grades(store) if one.pair == FAR] == [
        ("ada", 5),
        ("bob", 1),
        ("carl", 2),
    ]


def test_an_adjudicated_grade_is_withheld_from_who_has_yet_to_grade(store: Store) -> None:
    label_pair(store, str(FAR), 4, "ada", adjudicate=True)
    session = AuditSession.start(store, "carl", first=[FAR])
    assert session.current is not None
    assert session.current.adjudication is None
    session.grade(2)
    assert session.current.adjudication is not None
    assert session.current.adjudication.grade == 4


def test_undo_takes_it_back_and_the_next_undo_the_own_grade(store: Store) -> None:
    session = AuditSession.start(store, "carl", audit_filter=DISPUTED)
    session.grade(2)
    session.grade(4)
    undone = session.undo()
    assert undone is not None
    assert undone.adjudicates
    assert session.adjudicates
    assert (session.counts.done, session.counts.left) == (0, 2)
    assert pairs_under(store, "is:adjudicated", "ada") == set()
    assert undo_last(store, "carl").grade == 2
    assert len(current_grades(store)) == 8


def test_an_adjudicated_pair_can_be_settled_anew_and_the_latest_counts(store: Store) -> None:
    label_pair(store, str(FAR), 4, "ada", adjudicate=True)
    session = AuditSession.start(store, "bob", audit_filter=parse_filter("is:adjudicated"))
    assert session.adjudicates
    session.grade(2)
    assert store.read("SELECT annotator, grade FROM adjudicated_labels") == [("bob", 2)]
    assert (session.counts.done, session.counts.left) == (1, 1)
    undo_last(store, "bob")
    assert store.read("SELECT annotator, grade FROM adjudicated_labels") == [("ada", 4)]


def best(store: Store) -> dict[UUID, float]:
    return dict(store.read("SELECT pair_id, grade FROM best_grades"))


def test_it_stands_above_their_own_wherever_a_pair_has_one_grade(
    store: Store, tmp_path: Path
) -> None:
    assert (best(store)[APART], best(store)[FAR]) == (3, 3)
    label_pair(store, str(FAR), 5, "bob", adjudicate=True)
    assert (best(store)[APART], best(store)[FAR]) == (3, 5)

    target = tmp_path / "out.jsonl"
    for grades in Grades:
        export(store, "jsonl", target, ExportPlan(grades=grades))
        lines = {line["query"]: line for line in map(json.loads, target.read_text().splitlines())}
        far, apart = lines["find far"], lines["find apart"]
        assert (far["llm_score"], far["adjudicated_by"], far["grades"]) == (5, "bob", [5, 1])
        assert (apart["llm_score"], apart["adjudicated_by"]) == (3, None)

    with store.transaction() as cursor:
        grade_pairs(cursor, TrainingSetPlan(), [])
        rows = cursor.execute(
            "SELECT query.text, graded.grade, graded.weight, graded.left_out FROM graded"
            " JOIN db.queries AS query ON query.id = graded.query_id"
        ).fetchall()
    trained = {query: (grade, weight, out) for query, grade, weight, out in rows}
    assert trained["find far"] == (5, 1, None)
    assert trained["find apart"] == (3, 0.5, None)

    add_scored(store, [replace(ROWS["far"], score=1)], named_judge("second"))
    assert [fight.grade for fight in judge_disagreements(store, annotator="ada").worst] == [5]
    assert [fight.grade for fight in judge_disagreements(store, annotator="carl").worst] == [None]
    examples = {example.pair_id: example.grade for example in choose_examples(store, 4)}
    assert examples[FAR] == 5
    assert APART not in examples


def test_judges_and_calibration_are_measured_by_it_and_people_by_their_own(store: Store) -> None:
    before = measure_agreement(store)
    label_pair(store, str(FAR), 4, "ada", adjudicate=True)
    after = measure_agreement(store)
    assert after.alpha == before.alpha
    assert after.annotators == before.annotators
    assert after.themselves == ()
    assert len(standing_grades(store)) == 8
    (was,), (now,) = before.judges, after.judges
    assert now.labels == was.labels == 8
    # The judge's 4 met 5 and 1; now it meets 4 twice.
    assert (was.confusion[3], now.confusion[3]) == ((1, 1, 3, 2, 1), (0, 1, 3, 4, 0))
    material = learning_material(store)
    assert material.labelled is not None
    assert sorted(material.labelled.grades.tolist()) == [2, 3, 3, 3, 4, 4, 4, 4]
    assert {one.grade for one in deciding_grades(store) if one.pair == FAR} == {4}
    assert material.labelled.weights.sum() == pytest.approx(4)


def test_the_counts_tell_of_disputes(store: Store) -> None:
    assert (team_status(store).disputed, team_status(store).adjudicated) == (2, 0)
    label_pair(store, str(FAR), 4, "ada", adjudicate=True)
    status = workspace_status(store)
    assert (status.disputed, status.adjudicated, status.labels) == (1, 1, 8)
    assert (team_status(store).disputed, team_status(store).adjudicated) == (1, 1)


def test_the_journal_brings_it_back(store: Store) -> None:
    event = label_pair(store, str(FAR), 4, "ada", adjudicate=True).event
    assert decode_event(encode_event(event)) == event
    store.write("DELETE FROM db.label_events WHERE id = $1", [event.id])
    if not store.shared:
        assert restore_from_journal(store, thorough=True) == 1
        assert store.read("SELECT annotator, grade FROM adjudicated_labels") == [("ada", 4)]
    for spoiled in (
        encode_event(event).replace('"adjudicates":true', '"adjudicates":"yes"'),
        encode_event(replace(event, action=Action.SKIP, grade=None)),
    ):
        with pytest.raises(ValueError, match="adjudicates"):
            decode_event(spoiled)


def test_the_command_line_does_the_same(
    tmp_path: Path,
    store: Store,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Store, "close", lambda _: None)
    monkeypatch.setattr("core.store.opening._open", lambda *_: store)

    def told(*words: str, status: int = 0) -> dict[str, object]:
        assert main([*words, "--workspace", str(tmp_path), "--json"]) == status
        said = capsys.readouterr()
        return json.loads(said.out) if status == 0 else {"error": said.err}

    following = ("next", "--filter", "is:disputed far", "--annotator", "carl")
    first = told(*following)
    assert (first["pair"], first["opinions"], first["adjudicates"]) == (str(FAR), [], False)
    refused = told("label", str(FAR), "4", "--adjudicate", "--annotator", "carl", status=2)
    assert "carl has to grade this pair" in str(refused["error"])
    told("label", str(FAR), "3", "--annotator", "carl")
    opened = told(*following)
    opinions = opened["opinions"]
    assert isinstance(opinions, list)
    assert [(one["annotator"], one["grade"], one["notes"]) for one in opinions] == [
        ("ada", 5, ["ada on far"]),
        ("carl", 3, []),
        ("bob", 1, ["bob on far"]),
    ]
    assert opened["adjudicates"] is True
    assert main([*following, "--workspace", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "person bob: 1" in shown
    assert f"rejudge label {str(FAR)[:8]} 1-5 --adjudicate" in shown
    done = told("label", str(FAR), "4", "--adjudicate", "--annotator", "carl")
    assert (done["grade"], done["adjudicates"]) == (4, True)
    near = ROWS["near"].pair_id
    refused = told("label", near, "4", "--adjudicate", "--annotator", "ada", status=2)
    assert "do not lie 2 or more apart" in str(refused["error"])
    status = told("team", "status")
    assert (status["disputed"], status["adjudicated"]) == (1, 1)
    labels = told("status")["labels"]
    assert isinstance(labels, dict)
    assert (labels["disputed"], labels["adjudicated"]) == (1, 1)
    assert told("undo", "--annotator", "carl")["adjudicates"] is True
    assert told("team", "status")["disputed"] == 2
