"""Labelling without a screen: one pair, one action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import InputError
from core.records import Action, LabelEvent
from labels.audit_items import load_items
from labels.audit_session import AuditSession
from labels.audited_judge import audited_judge
from labels.disputes import DISPUTE
from labels.judgments import all_judges
from labels.label_recording import LabelRecorder
from labels.pair_lookup import find_pair
from labels.strategies import CHOSEN, Drawn, Strategy

if TYPE_CHECKING:
    from uuid import UUID

    from core.store import Store
    from labels.audit_records import AuditItem


@dataclass(frozen=True, slots=True)
class Labelled:
    """An event and the pair it is about, as it stood before."""

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
        note: a remark.
        hidden: whether the judge's score was out of sight.
        judge_name: whose score is compared; empty: that of the judge that scored most.
        strategy: the queue that gave the pair. Where the pair is the one that this queue gives now,
            the label stores the chance of its draw; any other pair was chosen by hand.
        adjudicate: whether the grade settles what people differ on, instead of being one's own.

    Raises:
        InputError: no such pair, grade, judge or annotator; or there is nothing to adjudicate yet.
    """
    item = _item(store, name, judge_name, annotator)
    if adjudicate:
        _require_dispute(item, annotator)
    judgment = item.ruling.judgment if item.ruling else None
    recorder = LabelRecorder(store, annotator)
    drawn = _drawn(store, item.pair.id, annotator, judge_name, strategy)
    event = recorder.grade(
        item.pair.id,
        grade,
        judgment,
        hidden=hidden,
        note=note,
        strategy=drawn.strategy,
        chance=drawn.chance,
        adjudicates=adjudicate,
    )
    return Labelled(event, item)


def _require_dispute(item: AuditItem, annotator: str) -> None:
    pair = str(item.pair.id)
    if item.label_of(annotator) is None:
        raise InputError(
            f"{annotator} has not graded this pair, and sees nobody's grade before",
            where=pair,
            todo=f"Give your own grade first: rejudge label {pair[:8]} 1-5   then adjudicate.",
        )
    if not item.to_be_settled:
        raise InputError(
            f"people's grades of this pair do not lie {DISPUTE} or more apart",
            where=pair,
            todo="List those that do: rejudge next --filter is:disputed",
        )


def _drawn(
    store: Store, pair: UUID, annotator: str, judge_name: str, strategy: Strategy | None
) -> Drawn:
    if strategy is None:
        return Drawn(pair, "")
    session = AuditSession.start(store, annotator, judge_name=judge_name, strategy=strategy)
    given = session.current
    session.release()
    if given is None or given.pair.id != pair:
        return Drawn(pair, CHOSEN)
    return Drawn(pair, given.strategy, given.chance)


def skip_pair(store: Store, name: str, annotator: str) -> Labelled:
    """Pass the pair over whose id begins with ``name``."""
    item = _item(store, name, "", annotator)
    return Labelled(LabelRecorder(store, annotator).mark(item.pair.id, Action.SKIP), item)


def undo_last(store: Store, annotator: str) -> LabelEvent:
    """Take back the annotator's last event and return it.

    Raises:
        InputError: there is nothing to take back.
    """
    undone = LabelRecorder(store, annotator).undo()
    if undone is None:
        raise InputError(f"{annotator} has nothing to undo", todo="Name another with --annotator.")
    return undone


def _item(store: Store, name: str, judge_name: str, annotator: str) -> AuditItem:
    identifier = find_pair(store, name)
    judges = {judge.id: judge for judge in all_judges(store)}
    audited = audited_judge(store, judge_name)
    (item,) = load_items(store, [Drawn(identifier, "")], judges, audited, annotator)
    return item
