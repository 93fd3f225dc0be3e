"""Pairs with all that belongs to them, read for the audit."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from core.documents import documents_by_id
from core.label_events import EVENT_COLUMNS, event_of_row
from core.queries import QUERY_COLUMNS, query_of_row
from core.records import Action, Judge, Judgment, LabelEvent, Origin, Pair, Query
from core.rows import one_of
from labels.addressing import addresses
from labels.audit_records import AuditItem, EarlierLabel, JudgeRuling, Remark, Withheld
from labels.judgments import JUDGMENT_COLUMNS, all_judges, judgment_of_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from core.store import Store
    from labels.strategies import Drawn

_GRADED: Final = (Action.CONFIRM, Action.OVERRIDE)


def load_items(
    store: Store,
    drawn: Sequence[Drawn],
    judges: Mapping[UUID, Judge],
    audited: Judge | None,
    annotator: str,
) -> list[AuditItem]:
    """Return the items of these pairs, in this order; an unknown id is left out.

    Nobody sees what others said of a pair before grading it: until then their labels and notes
    are ``withheld``, and ``skipped`` speaks of the annotator alone whatever they graded.

    Args:
        store: the store.
        drawn: which pairs, and how the queue came to each.
        judges: the judges of the store by id; those that came since are looked up.
        audited: the judge whose ruling comes first.
        annotator: who is to see the items.
    """
    pair_ids = [one.pair for one in drawn]
    pairs = _pairs(store, pair_ids)
    queries = _queries(store, [pair.query_id for pair in pairs.values()])
    documents = documents_by_id(store, [pair.document_id for pair in pairs.values()])
    judgments = _judgments(store, pair_ids)
    if any(each.judge_id not in judges for known in judgments.values() for each in known):
        judges = {judge.id: judge for judge in all_judges(store)}
    events = _events(store, pair_ids)
    items = []
    for one in drawn:
        identifier = one.pair
        pair = pairs.get(identifier)
        if pair is None:
            continue
        rulings, failures = _rulings(judgments[identifier], judges, audited)
        said = events[identifier]
        own = [event for event in said if event.annotator == annotator]
        open_to_see = said if _labels(own) else own
        withheld = [event for event in said if event not in open_to_see]
        items.append(
            AuditItem(
                pair=pair,
                query=queries[pair.query_id],
                document=documents[pair.document_id],
                rulings=rulings,
                labels=_labels(open_to_see),
                remarks=_remarks(open_to_see),
                adjudication=_adjudication(open_to_see),
                skipped=any(event.action is Action.SKIP for event in own),
                flagged=any(event.action is Action.FLAG for event in said),
                failures=failures,
                strategy=one.strategy,
                chance=one.chance,
                withheld=Withheld(_labels(withheld), _remarks(withheld), _adjudication(withheld)),
                addresses=addresses(documents[pair.document_id]),
            )
        )
    return items


def label_of_event(event: LabelEvent) -> EarlierLabel:
    """Return a grading event as the label it made."""
    if event.grade is None:
        raise ValueError("the event grades nothing")
    return EarlierLabel(
        event.id,
        event.annotator,
        event.grade,
        event.action,
        event.happened,
        event.hidden,
        event.judgment_id,
        event.milliseconds,
    )


def _pairs(store: Store, identifiers: Sequence[UUID]) -> dict[UUID, Pair]:
    these, parameters = one_of(identifiers)
    rows = store.read(
        "SELECT id, query_id, document_id, origin, inclusion_probability FROM db.pairs"
        f" WHERE id IN {these}",
        parameters,
    )
    return {row[0]: Pair(row[0], row[1], row[2], Origin(row[3]), row[4]) for row in rows}


def _queries(store: Store, identifiers: Sequence[UUID]) -> dict[UUID, Query]:
    these, parameters = one_of(identifiers)
    rows = store.read(f"SELECT {QUERY_COLUMNS} FROM db.queries WHERE id IN {these}", parameters)
    return {row[0]: query_of_row(row) for row in rows}


def _judgments(store: Store, pair_ids: Sequence[UUID]) -> defaultdict[UUID, list[Judgment]]:
    found: defaultdict[UUID, list[Judgment]] = defaultdict(list)
    # First the ids alone: the same scan that reads rationales would unpack a hundred for each one
    # it keeps, and rows named by their ids one by one are looked up in the primary key.
    these, parameters = one_of(pair_ids)
    found_ids = store.read(f"SELECT id FROM db.judgments WHERE pair_id IN {these}", parameters)
    named = [row[0] for row in found_ids]
    if not named:
        return found
    each = ", ".join(f"${number}" for number in range(1, len(named) + 1))
    rows = store.read(
        f"SELECT {JUDGMENT_COLUMNS} FROM db.judgments WHERE id IN ({each})"
        " ORDER BY judged DESC, id DESC",
        named,
    )
    for row in rows:
        judgment = judgment_of_row(row)
        found[judgment.pair_id].append(judgment)
    return found


def _events(store: Store, pair_ids: Sequence[UUID]) -> defaultdict[UUID, list[LabelEvent]]:
    these, parameters = one_of(pair_ids)
    rows = store.read(
        f"SELECT {EVENT_COLUMNS} FROM standing_events WHERE pair_id IN {these}"
        " ORDER BY happened DESC, id DESC",
        parameters,
    )
    found: defaultdict[UUID, list[LabelEvent]] = defaultdict(list)
    for row in rows:
        event = event_of_row(row)
        found[event.pair_id].append(event)
    return found


def _labels(events: Sequence[LabelEvent]) -> tuple[EarlierLabel, ...]:
    own = (event for event in events if event.action in _GRADED and not event.adjudicates)
    return tuple(label_of_event(event) for event in own)


def _adjudication(events: Sequence[LabelEvent]) -> EarlierLabel | None:
    return next((label_of_event(event) for event in events if event.adjudicates), None)


def _remarks(events: Sequence[LabelEvent]) -> tuple[Remark, ...]:
    return tuple(Remark(event.annotator, event.note) for event in events if event.note)


def _rulings(
    judgments: Sequence[Judgment], judges: Mapping[UUID, Judge], audited: Judge | None
) -> tuple[tuple[JudgeRuling, ...], tuple[tuple[str, str], ...]]:
    standing: dict[UUID, Judgment] = {}
    failed: dict[UUID, str] = {}
    for judgment in judgments:
        if judgment.score is not None:
            standing.setdefault(judgment.judge_id, judgment)
        else:
            failed.setdefault(judgment.judge_id, judgment.failure or "no reason given")
    rulings = [JudgeRuling(judges[judge], judgment) for judge, judgment in standing.items()]
    rulings.sort(key=lambda ruling: (ruling.judge != audited, ruling.judge.name))
    failures = [(judges[judge].name, why) for judge, why in failed.items() if judge not in standing]
    return tuple(rulings), tuple(sorted(failures))
