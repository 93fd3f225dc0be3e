from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from core.ids import document_id, pair_id, query_id
from core.records import Origin
from labels.audit.session import AuditSession
from labels.audit.strategies import CHOSEN, STRATIFIED
from labels.pairs.mining import add_miss_pairs
from tests.building import Scored, add_scored, numbered

if TYPE_CHECKING:
    from core.store.database import Store

ROWS = [Scored("q", "right", 2, path="r.py"), Scored("other", "wrong", 5, path="w.py")]
QUERY = query_id("q")
DOCUMENTS = [document_id("r.py", "f", "right"), document_id("w.py", "f", "wrong")]


def test_pairs_of_a_miss_are_made_once_and_known_ones_keep_their_origin(store: Store) -> None:
    add_scored(store, ROWS)
    made = add_miss_pairs(store, QUERY, [*DOCUMENTS, DOCUMENTS[0]])
    assert made.ids == tuple(pair_id(QUERY, document) for document in DOCUMENTS)
    assert made.added == 1
    assert add_miss_pairs(store, QUERY, DOCUMENTS) == type(made)(made.ids, 0)
    origins: dict[UUID, str] = dict(store.read("SELECT id, origin FROM db.pairs"))
    assert [origins[each] for each in made.ids] == [Origin.IMPORT.value, Origin.MISS.value]


def test_a_session_begins_with_the_pairs_asked_for_and_repeats_none(store: Store) -> None:
    add_scored(store, [*numbered(30), *ROWS])
    first = add_miss_pairs(store, QUERY, DOCUMENTS).ids
    session = AuditSession.start(store, "ada", first=[UUID(int=1), *first])
    shown = []
    while session.current is not None:
        shown.append((session.current.pair.id, session.current.strategy))
        session.grade(3)
        session.advance()
    assert [pair for pair, _ in shown[:2]] == list(first)
    assert [strategy for _, strategy in shown] == [CHOSEN] * 2 + [STRATIFIED] * 31
    assert len({pair for pair, _ in shown}) == 33
    # A graded pair comes again when it is asked for by name.
    again = AuditSession.start(store, "ada", first=first)
    assert again.current is not None
    assert again.current.pair.id == first[0]
    assert again.current.label_of("ada") is not None


def test_a_session_that_goes_on_with_other_pairs_first_forgets_nothing(store: Store) -> None:
    add_scored(store, [*numbered(5), *ROWS])
    first = add_miss_pairs(store, QUERY, DOCUMENTS).ids
    session = AuditSession.start(store, "ada")
    passed = session.current
    session.advance()
    waiting = session.current
    assert passed is not None
    assert waiting is not None
    went_on = session.with_first(first)
    shown = []
    while went_on.current is not None:
        shown.append(went_on.current.pair.id)
        went_on.advance()
    assert shown[:2] == list(first)
    assert passed.pair.id not in shown or passed.pair.id in first
    assert waiting.pair.id in shown
