"""Labelling without a screen: one pair, one action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import InputError
from core.records import Action
from core.store.tables import all_judges
from labels.audit.items import DISPUTE, load_items
from labels.audit.recording import LabelRecorder
from labels.audit.session import AuditSession
from labels.audit.strategies import CHOSEN, QueuedPair
from labels.judges.choosing import audited_judge
from labels.pairs.choosing import find_pair

if TYPE_CHECKING:
    from uuid import UUID

    from core.records import LabelEvent
    from core.store.database import Store
    from labels.audit.items import AuditItem
    from labels.audit.strategies import Strategy


@dataclass(frozen=True, slots=True)
class Labelled:
    """An event and its pair, as it was before the event."""

    event: LabelEvent
    item: AuditItem


def label_pair(
    store: Store,
    name: str,
    grade: int,
    annotator: str,
    *,
    note: str | None = None,
    hidden: bool = False,
    judge_name: str = "",
    strategy: Strategy | None = None,
    adjudicate: bool = False,
) -> Labelled:
    """Grade the pair whose id begins with ``name``.

    Args:
        store: the store.
        name: the first digits of the pair's id.
        grade: 1-5.
        annotator: who grades.
        note: a note on the pair.
        hidden: whether the judge's score was hidden.
        judge_name: the judge to compare with; empty: the one that scored most.
        strategy: the queue that the pair came from. If it is the pair that this queue draws now,
            the label stores the probability of that draw; else the pair was chosen by hand.
        adjudicate: whether the grade settles a dispute, instead of being the annotator's own.

    Raises:
        InputError: there is no such pair, grade, judge or annotator, or nothing to adjudicate.
    """
    item = _item(store, name, judge_name, annotator)
    if adjudicate:
        _require_dispute(item, annotator)
    judgment = item.ruling.judgment if item.ruling else None
    recorder = LabelRecorder(store, annotator)
    queued = _queued(store, item.pair.id, annotator, judge_name, strategy)
    event = recorder.grade(
        item.pair.id,
        grade,
        judgment,
        hidden=hidden,
        note=note,
        strategy=queued.strategy,
        chance=queued.chance,
        adjudicates=adjudicate,
    )
    return Labelled(event, item)


def _require_dispute(item: AuditItem, annotator: str) -> None:
    pair = str(item.pair.id)
    if item.label_of(annotator) is None:
        raise InputError(
            f"{annotator} has to grade this pair before adjudicating it",
            where=pair,
            todo=f"Give your own grade first: rejudge label {pair[:8]} GRADE",
        )
    if not item.to_be_settled:
        raise InputError(
            f"people's grades of this pair do not lie {DISPUTE} or more apart",
            where=pair,
            todo="See pairs in dispute: rejudge next --filter is:disputed",
        )


def _queued(
    store: Store, pair: UUID, annotator: str, judge_name: str, strategy: Strategy | None
) -> QueuedPair:
    if strategy is None:
        return QueuedPair(pair, "")
    session = AuditSession.start(store, annotator, judge_name=judge_name, strategy=strategy)
    given = session.current
    session.release()
    if given is None or given.pair.id != pair:
        return QueuedPair(pair, CHOSEN)
    return QueuedPair(pair, given.strategy, given.chance)


def skip_pair(store: Store, name: str, annotator: str) -> Labelled:
    """Skip the pair whose id begins with ``name``."""
    item = _item(store, name, "", annotator)
    return Labelled(LabelRecorder(store, annotator).mark(item.pair.id, Action.SKIP), item)


def undo_last(store: Store, annotator: str) -> LabelEvent:
    """Undo the annotator's last event and return it.

    Raises:
        InputError: there is nothing to undo.
    """
    undone = LabelRecorder(store, annotator).undo()
    if undone is None:
        raise InputError(f"{annotator} has nothing to undo", todo="Name another with --annotator.")
    return undone


def _item(store: Store, name: str, judge_name: str, annotator: str) -> AuditItem:
    identifier = find_pair(store, name)
    judges = {judge.id: judge for judge in all_judges(store)}
    audited = audited_judge(store, judge_name)
    (item,) = load_items(store, [QueuedPair(identifier, "")], judges, audited, annotator)
    return item
