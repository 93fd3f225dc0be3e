"""Labelling without a screen: one pair, one action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import InputError
from core.records import Action, LabelEvent
from labels.audit_items import load_items
from labels.audited_judge import audited_judge
from labels.judgments import all_judges
from labels.label_recording import LabelRecorder
from labels.pair_lookup import find_pair

if TYPE_CHECKING:
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
) -> Labelled:
    """Grade the pair whose id begins with ``name``.

    Raises:
        InputError: no such pair, grade, judge or annotator.
    """
    item = _item(store, name, judge_name)
    judgment = item.ruling.judgment if item.ruling else None
    recorder = LabelRecorder(store, annotator)
    event = recorder.grade(item.pair.id, grade, judgment, hidden=hidden, note=note)
    return Labelled(event, item)


def skip_pair(store: Store, name: str, annotator: str) -> Labelled:
    """Pass the pair over whose id begins with ``name``."""
    item = _item(store, name, "")
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


def _item(store: Store, name: str, judge_name: str) -> AuditItem:
    identifier = find_pair(store, name)
    judges = {judge.id: judge for judge in all_judges(store)}
    (item,) = load_items(store, [identifier], judges, audited_judge(store, judge_name))
    return item
