"""Each pair goes to as many people as are asked for, one at a time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from core.ids import utc_now
from core.store.opening import open_store
from labels.audit import team as leases
from labels.audit.filters import parse_filter
from labels.audit.recording import LabelRecorder
from labels.audit.session import AuditSession
from labels.audit.strategies import Strategy
from labels.audit.team import Leases, overlap_of, set_overlap, team_status
from tests.building import add_scored, new_workspace, numbered
from tui.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from core.store.database import Store
    from tests.team.postgres_server import PostgresServer


@pytest.fixture
def store(store: Store) -> Store:
    add_scored(store, numbered(60))
    set_overlap(store, 1)
    return store


def pair_of(session: AuditSession) -> UUID:
    assert session.current is not None
    return session.current.pair.id


def graded_to_the_end(store: Store, names: list[str]) -> dict[str, set[UUID]]:
    """Let these people grade in turns until nothing is left for any; return who graded what."""
    sessions = {name: AuditSession.start(store, name) for name in names}
    graded: dict[str, set[UUID]] = {name: set() for name in names}
    going = list(names)
    while going:
        for name in list(going):
            session = sessions[name]
            if session.current is None:
                going.remove(name)
                continue
            session.grade(3)
            graded[name].add(pair_of(session))
            session.advance()
    return graded


@pytest.mark.parametrize("people", [1, 2])
def test_every_pair_goes_to_so_many_people(store: Store, people: int) -> None:
    set_overlap(store, people)
    graded = graded_to_the_end(store, ["ada", "bob", "eve"])
    assert sum(map(len, graded.values())) == 60 * people
    assert all(graded.values())
    assert team_status(store).graded_by == {0: 0, people: 60}
    assert AuditSession.start(store, "zoe").current is None
    assert AuditSession.start(store, "zoe").counts.left == 0


def test_without_overlap_everybody_gets_everything(store: Store) -> None:
    set_overlap(store, 0)
    assert Leases.of(store, "ada") is None
    assert pair_of(AuditSession.start(store, "ada")) == pair_of(AuditSession.start(store, "bob"))
    assert store.read("SELECT count(*) FROM db.leases") == [(0,)]


@pytest.mark.parametrize("strategy", [Strategy.STRATIFIED, Strategy.RANDOM])
def test_two_people_never_have_the_same_pair_ahead(store: Store, strategy: Strategy) -> None:
    sessions = [AuditSession.start(store, name, strategy=strategy) for name in ("ada", "bob")]
    for session in sessions:
        session.refill()
    ahead = [
        {pair_of(session), *(item.pair.id for item in session.upcoming(60))} for session in sessions
    ]
    assert all(len(pairs) > 10 for pairs in ahead)
    assert not ahead[0] & ahead[1]


def test_a_lease_that_ran_out_goes_to_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = AuditSession.start(store, "ada")
    first.refill()
    theirs = [item.pair.id for item in first.upcoming(60)]
    later = utc_now() + leases.LEASE + timedelta(seconds=1)
    monkeypatch.setattr(store, "now", lambda: later)
    bobs = Leases(store, "bob", 1)
    assert bobs.claim(theirs, 100) == theirs
    first._leases._until.clear()  # type: ignore[union-attr]
    assert first.advance() is not None
    assert pair_of(first) not in theirs


def test_what_is_skipped_or_left_is_free_again(store: Store) -> None:
    session = AuditSession.start(store, "ada")
    skipped = pair_of(session)
    bobs = Leases(store, "bob", 1)
    assert bobs.claim([skipped], 1) == []
    session.skip()
    assert bobs.claim([skipped], 1) == [skipped]
    session.advance()
    held = pair_of(session)
    assert bobs.claim([held], 1) == []
    session.release()
    assert bobs.claim([held], 1) == [held]


def test_asking_by_name_or_for_earlier_pairs_heeds_no_lease(store: Store) -> None:
    bobs = pair_of(AuditSession.start(store, "bob"))
    assert pair_of(AuditSession.start(store, "ada", first=[bobs])) == bobs
    LabelRecorder(store, "ada").grade(bobs, 3, None)
    again = AuditSession.start(store, "ada", audit_filter=parse_filter("is:labelled"))
    assert pair_of(again) == bobs


def test_next_hands_out_and_the_status_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_store(new_workspace(tmp_path).folder) as store:
        add_scored(store, numbered(8))

    def told(*words: str) -> dict[str, object]:
        assert main([*words, "--workspace", str(tmp_path), "--json"]) == 0
        document: dict[str, object] = json.loads(capsys.readouterr().out)
        return document

    assert told("team", "overlap", "1") == {"overlap": 1}
    first = told("next", "--annotator", "ada")["pair"]
    assert told("next", "--annotator", "ada")["pair"] == first
    second = told("next", "--annotator", "bob")["pair"]
    assert second != first
    told("label", str(first), "4", "--annotator", "ada")
    status = told("team", "status")
    assert (status["overlap"], status["done"], status["graded_by"]) == (1, 1, {"0": 7, "1": 1})
    people = status["people"]
    assert isinstance(people, list)
    assert [(one["name"], one["graded"], one["in_hand"]) for one in people] == [
        ("ada", 1, 0),
        ("bob", 0, 1),
    ]
    assert main(["team", "status", "--workspace", str(tmp_path)]) == 0
    assert "each pair goes to 1 person" in capsys.readouterr().out
    assert main(["team", "overlap", "-1", "--workspace", str(tmp_path)]) == 2


def test_a_teams_store_hands_each_pair_to_one_unless_told_otherwise(store: Store) -> None:
    store.write("DELETE FROM db.store_settings WHERE name = $1", ["overlap"])
    assert overlap_of(store) == (1 if store.shared else 0)


@pytest.mark.both_stores
def test_people_who_claim_at_the_same_moment_share_no_pair(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.url(postgres.new_database("team"))
    with open_store(new_workspace(tmp_path / "first").folder, url=url) as store:
        add_scored(store, numbered(60))
        pairs = [row[0] for row in store.read("SELECT id FROM db.pairs ORDER BY id")]

    def claim_all(name: str) -> list[UUID]:
        folder = new_workspace(tmp_path / name).folder
        with open_store(folder, url=url) as own:
            mine = Leases(own, name, 1)
            return [pair for _ in range(4) for pair in _five_more(mine, pairs)]

    def _five_more(mine: Leases, pairs: list[UUID]) -> list[UUID]:
        return mine.claim([pair for pair in pairs if pair not in mine._until], 5)

    with ThreadPoolExecutor(4) as people:
        claimed = [pair for ours in people.map(claim_all, "abcd") for pair in ours]
    assert len(claimed) == len(set(claimed)) == 60
