from __future__ import annotations

import pkgutil
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError, StoreUnreachableError
from core.records import Action, JudgeKind, QueryKind
from core.store.opening import open_store
from core.store.tables import make_judge
from labels.audit.filters import AuditFilter, LabelState, audit_counts
from labels.audit.queue import interleave
from labels.audit.session import AuditSession
from labels.audit.team import set_overlap
from tests.building import Scored, add_scored, named_judge, new_workspace, numbered

if TYPE_CHECKING:
    from core.store.database import Store
    from labels.audit.items import AuditItem


def rest(session: AuditSession) -> list[AuditItem]:
    """Return the current pair and all that follow."""
    items = []
    while session.current is not None:
        items.append(session.current)
        session.advance()
    return items


def scores(items: list[AuditItem]) -> list[int | None]:
    return [item.ruling.judgment.score if item.ruling else None for item in items]


def test_every_pair_comes_once_and_scores_take_turns(store: Store) -> None:
    add_scored(store, numbered(400, scores=(1, 1, 1, 1, 1, 1, 1, 5)))
    drawn = rest(AuditSession.start(store, "ada"))
    assert len(drawn) == len({item.pair.id for item in drawn}) == 400
    assert Counter(scores(drawn[:40])) == {1: 20, 5: 20}


def test_a_new_session_goes_on_where_the_last_one_stopped(store: Store) -> None:
    add_scored(store, numbered(30))
    session = AuditSession.start(store, "ada")
    done = set()
    for _ in range(7):
        assert session.current is not None
        done.add(session.current.pair.id)
        session.grade(3)
        session.advance()
    again = AuditSession.start(store, "ada")
    assert (again.counts.done, again.counts.left) == (7, 23)
    assert not done & {item.pair.id for item in rest(again)}
    assert AuditSession.start(store, "bob").counts.left == 30


def test_unjudged_and_failed_pairs_come_last_and_can_be_graded(store: Store) -> None:
    add_scored(store, numbered(6))
    add_scored(store, [Scored("failed", "x", None), Scored("unjudged", "y", 0)])
    session = AuditSession.start(store, "ada")
    drawn = rest(session)
    assert {item.query.text for item in drawn[6:]} == {"failed", "unjudged"}
    failed = next(item for item in drawn if item.query.text == "failed")
    assert failed.failures == (("gpt", "parse_error"),)
    assert failed.ruling is None
    session.back()
    event = session.grade(4)
    assert event.action is Action.OVERRIDE
    assert event.judgment_id is None
    assert session.counts.compared == 0


def test_the_judges_own_score_confirms_and_another_overrides(store: Store) -> None:
    add_scored(store, [Scored("q", "x", 4)])
    session = AuditSession.start(store, "ada")
    assert session.grade(4, hidden=True).action is Action.CONFIRM
    assert session.grade(2).action is Action.OVERRIDE
    assert session.current is not None
    assert [label.grade for label in session.current.labels] == [2, 4]
    assert [label.hidden for label in session.current.labels] == [False, True]
    assert (session.counts.done, session.counts.compared, session.counts.agreed) == (1, 1, 0)


def test_a_grade_outside_the_scale_is_refused_and_nothing_is_recorded(store: Store) -> None:
    add_scored(store, numbered(1))
    session = AuditSession.start(store, "ada")
    for grade in (0, 6):
        with pytest.raises(InputError):
            session.grade(grade)
    assert store.read("SELECT count(*) FROM db.label_events") == [(0,)]


def test_undo_reaches_beyond_the_session_and_deletes_nothing(store: Store) -> None:
    add_scored(store, numbered(5))
    first = AuditSession.start(store, "ada")
    for grade in (1, 2):
        first.grade(grade)
        first.advance()
    second = AuditSession.start(store, "ada")
    second.grade(5)
    undone = [second.undo() for _ in range(4)]
    assert [event.grade if event else None for event in undone] == [5, 2, 1, None]
    assert second.counts.done == 0
    assert store.read("SELECT count(*) FROM db.label_events") == [(6,)]
    assert store.read("SELECT count(*) FROM current_labels") == [(0,)]


def test_undo_leaves_other_annotators_alone(store: Store) -> None:
    add_scored(store, numbered(2))
    AuditSession.start(store, "ada").grade(1)
    assert AuditSession.start(store, "bob").undo() is None


def test_undo_shows_the_pair_again_without_the_grade(store: Store) -> None:
    add_scored(store, numbered(9))
    session = AuditSession.start(store, "ada")
    first = session.current
    session.grade(5)
    session.advance()
    session.skip()
    session.advance()
    session.undo()
    session.undo()
    assert session.current is not None
    assert first is not None
    assert session.current.pair == first.pair
    assert session.current.labels == ()
    assert session.counts.left == 9


def test_a_skipped_pair_is_not_drawn_again_unless_asked_for(store: Store) -> None:
    add_scored(store, numbered(3))
    session = AuditSession.start(store, "ada")
    assert session.current is not None
    skipped = session.current.pair.id
    session.skip()
    again = AuditSession.start(store, "ada")
    assert skipped not in {item.pair.id for item in rest(again)}
    asked = again.with_filter(AuditFilter(state=LabelState.SKIPPED))
    assert [item.pair.id for item in rest(asked)] == [skipped]


def test_another_filter_repeats_no_pair_that_was_shown(store: Store) -> None:
    add_scored(store, numbered(40))
    session = AuditSession.start(store, "ada")
    shown = set()
    for _ in range(12):
        assert session.current is not None
        shown.add(session.current.pair.id)
        session.advance()
    assert session.current is not None
    shown.add(session.current.pair.id)
    narrowed = session.with_filter(AuditFilter(scores=frozenset({5})))
    drawn = rest(narrowed)
    assert set(scores(drawn)) == {5}
    assert not shown & {item.pair.id for item in drawn}
    wide = narrowed.with_filter(AuditFilter())
    everything = shown | {i.pair.id for i in drawn} | {i.pair.id for i in rest(wide)}
    assert len(everything) == 40


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (AuditFilter(kind=QueryKind.KEYWORD), {"b"}),
        (AuditFilter(path="SRC/"), {"b", "c"}),
        (AuditFilter(language="rust"), {"c"}),
        (AuditFilter(text="Needle"), {"a", "d"}),
        (AuditFilter(disagreement=3), {"a"}),
        (AuditFilter(scores=frozenset({1}), path="src"), {"b"}),
    ],
)
def test_filters(store: Store, chosen: AuditFilter, expected: set[str]) -> None:
    rows = [
        Scored("a", "the needle", 1, kind=None),
        Scored("b", "x", 1, path="src/b.py", kind=QueryKind.KEYWORD),
        Scored("c", "y", 2, path="src/c.rs", language="rust"),
        Scored("d", "NEEDLE", 3),
    ]
    add_scored(store, rows)
    add_scored(store, [Scored("a", "the needle", 4, kind=None), rows[3]], named_judge("second"))
    session = AuditSession.start(store, "ada", judge_name="gpt", audit_filter=chosen)
    assert session.counts.left == len(expected)
    assert {item.query.text for item in rest(session)} == expected


def test_the_latest_judgment_counts(store: Store) -> None:
    add_scored(store, [Scored("q", "x", 1)])
    add_scored(store, [Scored("q", "x", 5)])
    add_scored(store, [Scored("q", "x", None)])
    (item,) = rest(AuditSession.start(store, "ada"))
    assert scores([item]) == [5]
    assert item.failures == ()


def test_the_lexical_baseline_is_audited_only_when_alone(store: Store) -> None:
    lexical = make_judge("lexical", JudgeKind.LEXICAL)
    add_scored(store, numbered(5), lexical)
    assert AuditSession.start(store, "ada").judge == lexical
    add_scored(store, numbered(2))
    session = AuditSession.start(store, "ada")
    assert session.judge == named_judge()
    with pytest.raises(InputError, match="no judge nobody"):
        AuditSession.start(store, "ada", judge_name="nobody")


def test_back_and_forth(store: Store) -> None:
    add_scored(store, numbered(4))
    session = AuditSession.start(store, "ada")
    first = session.current
    second = session.advance()
    assert session.back() == first
    assert session.back() == first
    session.grade(3)
    assert session.advance() == second
    session.back()
    assert session.current is not None
    assert session.current.labels[0].grade == 3


def test_an_empty_store_has_no_pair(store: Store) -> None:
    session = AuditSession.start(store, "ada")
    assert session.current is None
    assert session.undo() is None
    with pytest.raises(InputError):
        session.grade(3)


def test_refill_changes_nothing_that_is_shown(store: Store) -> None:
    add_scored(store, numbered(400))
    session = AuditSession.start(store, "ada")
    assert session.refill_wanted
    first = session.current
    session.refill()
    assert session.current == first
    shown = 1
    while not session.refill_wanted:
        session.advance()
        shown += 1
    before, ahead = session.current, session.upcoming(3)
    assert len(ahead) == 3
    session.refill()
    assert session.current == before
    assert session.upcoming(3) == ahead
    assert shown + len(rest(session)) - 1 == 400


@given(st.lists(st.lists(st.integers(0, 50), unique=True), max_size=5))
def test_turns_keep_everything_once(strata: list[list[int]]) -> None:
    given_ids = [[UUID(int=number) for number in stratum] for stratum in strata]
    taken = interleave(given_ids)
    assert sorted(taken) == sorted({identifier for stratum in given_ids for identifier in stratum})


KEYS = st.lists(
    st.sampled_from(["1", "3", "5", "skip", "flag", "note", "undo", "back", "next"]), max_size=25
)


@settings(max_examples=25, deadline=None)
@given(keys=KEYS)
def test_counts_kept_in_memory_equal_counts_read_from_the_store(
    keys: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = new_workspace(tmp_path_factory.mktemp("w")).folder
    with open_store(folder) as store:
        add_scored(store, [*numbered(6), Scored("unjudged", "z", 0)])
        session = AuditSession.start(store, "ada")
        for key in keys:
            if session.current is None:
                session.back()
            match key:
                case "skip":
                    session.skip()
                case "flag":
                    session.flag()
                case "note":
                    session.note("n")
                case "undo":
                    session.undo()
                case "back":
                    session.back()
                case "next":
                    session.advance()
                case grade:
                    session.grade(int(grade))
            expected = audit_counts(store, "ada", session.judge, AuditFilter())
            assert session.counts == expected


def test_a_judge_that_came_after_the_session_began_is_shown(store: Store) -> None:
    row = Scored("q", "x = 1", 3)
    add_scored(store, [row])
    session = AuditSession.start(store, "ada")
    session.grade(3)
    add_scored(store, [replace(row, score=5)], named_judge("newcomer"))
    session.undo()
    assert session.current is not None
    assert {each.judge.name for each in session.current.rulings} == {"gpt", "newcomer"}


@pytest.mark.parametrize(
    "what", ["labels.audit.team.Leases.claim", "labels.audit.upcoming.load_items"]
)
def test_a_store_that_fails_now_and_then_costs_no_pair(
    what: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pkgutil.resolve_name(what)
    calls = 0

    def fails_now_and_then(*words: object, **more: object) -> object:
        nonlocal calls
        calls += 1
        if calls % 3:
            raise StoreUnreachableError(what)
        return asked(*words, **more)

    add_scored(store, numbered(60))
    set_overlap(store, 1)
    session = AuditSession.start(store, "ada")
    monkeypatch.setattr(what, fails_now_and_then)
    shown = set()
    while session.current is not None:
        shown.add(session.current.pair.id)
        session.grade(3)
        with suppress(StoreUnreachableError):
            session.advance()
    assert calls > 3
    assert len(shown) == 60


def test_a_person_takes_off_only_their_own_flag(store: Store) -> None:
    add_scored(store, numbered(1))
    bob = AuditSession.start(store, "bob")
    assert bob.toggle_flag()
    ada = AuditSession.start(store, "ada")
    assert ada.current is not None
    assert ada.current.flagged
    assert ada.toggle_flag(), "the flag was bob's; this one is hers"
    assert ada.toggle_flag(), "bob's flag still stands"
    assert ada.current.flagged
    assert not bob.toggle_flag()
    actions = [row[0] for row in store.read("SELECT action FROM standing_events")]
    assert actions == []
