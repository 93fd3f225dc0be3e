"""One sitting at the audit screen: what is shown, what comes next, what was done.

Labelling without a screen: one pair, one action.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.errors import InputError, StoreError, StoreUnreachableError
from core.records import Action, LabelEvent
from core.store.tables import all_judges
from labels.audit.feed import AuditFeed
from labels.audit.filters import audit_counts
from labels.audit.items import (
    DISPUTE,
    AuditCounts,
    AuditFilter,
    AuditItem,
    AuditShares,
    Remark,
    label_of_event,
    load_items,
)
from labels.audit.recording import LabelRecorder
from labels.audit.strategies import CHOSEN, REPEAT, Drawn, Strategy
from labels.audit.team import Leases
from labels.judges.choosing import audited_judge
from labels.pairs.choosing import find_pair

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from core.records import Judge
    from core.store.database import Store


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a session was asked for beside its filter; one that goes on from it gets the same."""

    strategy: Strategy | None
    shares: AuditShares
    soon: bool


class AuditSession:
    """The state of one annotator's audit. Use from one thread; ``refill`` may run in another.

    Attributes:
        annotator: who grades.
        judge: the audited judge; None when nothing is judged.
        audit_filter: which pairs are drawn.
        counts: how far it is, kept up to date with every key.
        current: the pair on the screen; None when none is left.
    """

    def __init__(
        self,
        store: Store,
        recorder: LabelRecorder,
        judge: Judge | None,
        audit_filter: AuditFilter,
        seen: frozenset[UUID],
        feed: AuditFeed,
        asked: _Asked,
        leases: Leases | None,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._seen_before = seen
        self._feed = feed
        self._asked = asked
        self._leases = leases
        self._history: list[AuditItem] = []
        self._place = -1
        self.annotator = recorder.annotator
        self.judge = judge
        self.audit_filter = audit_filter
        self.counts = AuditCounts()
        self.current: AuditItem | None = None

    @classmethod
    def start(
        cls,
        store: Store,
        annotator: str,
        *,
        judge_name: str = "",
        audit_filter: AuditFilter | None = None,
        strategy: Strategy | None = None,
        shares: AuditShares | None = None,
        seen: frozenset[UUID] = frozenset(),
        first: Sequence[UUID] = (),
        soon: bool = False,
    ) -> AuditSession:
        """Begin a session with its first pair already drawn.

        Args:
            store: the store.
            annotator: who grades.
            judge_name: whose scores are audited; empty: the judge that scored most.
            audit_filter: which pairs; None: those not graded yet.
            strategy: how pairs are drawn; None: as ``default_strategy`` says.
            shares: how many are shown blind and how many come back; None: none.
            seen: pairs that are not to be drawn again.
            first: pairs that come before all drawn ones, whatever the filter and what was done
                to them before; an unknown id is passed over.
            soon: whether the first pair may be drawn in a quicker way, see ``AuditFeed``.

        Raises:
            InputError: no judge has that name, the annotator has none, or the strategy has
                nothing to go by.
        """
        judge = audited_judge(store, judge_name)
        chosen = audit_filter or AuditFilter()
        recorder = LabelRecorder(store, annotator)
        leases = Leases.of(store, annotator)
        chosen = replace(chosen, graders=leases.overlap if leases else None)
        feed = AuditFeed(
            store,
            judge,
            recorder.annotator,
            chosen,
            leases=leases,
            strategy=strategy,
            shares=shares or AuditShares(),
            seen=seen,
            first=first,
        )
        asked = _Asked(strategy, shares or AuditShares(), soon)
        session = cls(store, recorder, judge, chosen, seen, feed, asked, leases)
        session.counts = audit_counts(store, annotator, judge, chosen)
        feed.read_first(soon=soon)
        session.advance()
        return session

    def with_filter(self, audit_filter: AuditFilter) -> AuditSession:
        """Return a new session under another filter that repeats no pair of this one.

        A filter that asks for graded, skipped, flagged or disputed pairs shows them again.
        """
        asks_again = audit_filter.active and audit_filter.state is not AuditFilter().state
        return self._followed(
            audit_filter, self._asked.strategy, frozenset() if asks_again else self._shown()
        )

    def with_strategy(self, strategy: Strategy | None) -> AuditSession:
        """Return a new session that draws otherwise and repeats no pair of this one.

        Raises:
            InputError: the strategy has nothing to go by.
        """
        return self._followed(self.audit_filter, strategy, self._done())

    def with_first(self, first: Sequence[UUID]) -> AuditSession:
        """Return a new session that begins with these pairs, then goes on as this one would."""
        return self._followed(self.audit_filter, self._asked.strategy, self._done(), first)

    def _followed(
        self,
        audit_filter: AuditFilter,
        strategy: Strategy | None,
        seen: frozenset[UUID],
        first: Sequence[UUID] = (),
    ) -> AuditSession:
        with suppress(StoreUnreachableError):
            self._recorder.send_waiting()
        self.release()
        return AuditSession.start(
            self._store,
            self.annotator,
            judge_name=self.judge.name if self.judge else "",
            audit_filter=audit_filter,
            strategy=strategy,
            shares=self._asked.shares,
            seen=seen,
            first=first,
            soon=self._asked.soon,
        )

    @property
    def strategy(self) -> Strategy:
        """How pairs are drawn now."""
        return self._feed.strategy

    @property
    def asked_strategy(self) -> Strategy | None:
        """How somebody asked them to be drawn; None: nobody did."""
        return self._asked.strategy

    @property
    def waiting(self) -> int:
        """How many of the annotator's events the team's server has not got yet."""
        return self._recorder.waiting

    @property
    def refill_wanted(self) -> bool:
        """Whether ``refill`` has something to do."""
        return self._feed.refill_wanted

    def refill(self) -> None:
        """Draw and read the next pairs. Safe in a worker thread; a second call waits."""
        self._feed.refill()

    def renew(self) -> None:
        """Draw what is ahead anew, after a calibration. Safe in a worker thread."""
        self._feed.renew()

    def release(self) -> None:
        """Let others have the pairs that are in hand. What cannot be told runs out by itself."""
        if self._leases is not None:
            with suppress(StoreError):
                self._leases.release()

    def upcoming(self, count: int) -> tuple[AuditItem, ...]:
        """Return the next pairs that ``advance`` will show, at most ``count``."""
        visited = self._history[self._place + 1 : self._place + 1 + count]
        return (*visited, *self._feed.upcoming(count - len(visited)))

    def advance(self) -> AuditItem | None:
        """Go to the next pair: one that ``back`` left, else a new one; None when none is left."""
        if self._place + 1 < len(self._history):
            self._place += 1
        else:
            fresh = self._feed.take(self._shown)
            if fresh is None:
                self._place = len(self._history)
                self.current = None
                return None
            self._history.append(fresh)
            self._place = len(self._history) - 1
        self.current = self._history[self._place]
        return self.current

    def back(self) -> AuditItem | None:
        """Go to the pair before; at the first one nothing changes."""
        if self._place > 0:
            self._place -= 1
            self.current = self._history[self._place]
        return self.current

    @property
    def adjudicates(self) -> bool:
        """Whether the next grade settles what people differ on, instead of being one's own.

        So it is under a filter for disputes, once the person has given a grade of their own: until
        then they see nobody's.
        """
        item = self.current
        return (
            item is not None
            and self.audit_filter.settles
            and item.to_be_settled
            and item.label_of(self.annotator) is not None
        )

    def grade(
        self, grade: int, *, hidden: bool = False, milliseconds: int | None = None
    ) -> LabelEvent:
        """Grade the current pair. On return the label is on disk; the pair stays the current one.

        Where ``adjudicates`` holds, the grade is the adjudicated one.

        Raises:
            InputError: there is no current pair, or no such grade.
            WorkspaceError, StoreError: it could not be written and does not count.
        """
        item = self._item()
        adjudicates = self.adjudicates
        ruling = item.ruling
        event = self._recorder.grade(
            item.pair.id,
            grade,
            ruling.judgment if ruling else None,
            hidden=hidden,
            milliseconds=milliseconds,
            strategy=item.strategy,
            chance=item.chance,
            adjudicates=adjudicates,
        )
        if adjudicates:
            self._count_adjudication(item)
            self._replace(replace(item, adjudication=label_of_event(event)))
            return event
        changed = item.graded(label_of_event(event))
        self._count_grade(self._with_earlier(item), self._with_earlier(changed))
        self._replace(changed)
        return event

    def skip(self, milliseconds: int | None = None) -> LabelEvent:
        """Pass the current pair over; it is not drawn again."""
        item = self._item()
        event = self._recorder.mark(item.pair.id, Action.SKIP, milliseconds=milliseconds)
        known = self._with_earlier(item)
        done = known.skipped or known.label_of(self.annotator) is not None
        if not done and not self.audit_filter.settles:
            self.counts = replace(self.counts, left=max(0, self.counts.left - 1))
        self._replace(replace(item, skipped=True))
        if self._leases is not None:
            with suppress(StoreError):
                self._leases.release([item.pair.id])
        return event

    def flag(self) -> LabelEvent:
        """Mark the current pair as one to look at again, its query or code broken."""
        item = self._item()
        event = self._recorder.mark(item.pair.id, Action.FLAG)
        self._replace(replace(item, flagged=True))
        return event

    def note(self, text: str) -> LabelEvent:
        """Write a note on the current pair.

        Raises:
            InputError: the note is empty.
        """
        item = self._item()
        if not text.strip():
            raise InputError("the note is empty", todo="Type something, or press escape.")
        event = self._recorder.mark(item.pair.id, Action.NOTE, note=text.strip())
        remark = Remark(self.annotator, text.strip())
        self._replace(replace(item, remarks=(remark, *item.remarks)))
        return event

    def undo(self) -> LabelEvent | None:
        """Take back this annotator's last event and make its pair the current one.

        Reaches beyond this session. Returns the undone event, None when there is none.
        """
        undone = self._recorder.undo()
        if undone is None:
            return None
        found = self._feed.read(self._drawn_as(undone))
        self.counts = audit_counts(self._store, self.annotator, self.judge, self.audit_filter)
        if found is not None:
            self._show_again(found)
        return undone

    def _drawn_as(self, undone: LabelEvent) -> Drawn:
        """Return how the queue came to the pair: as the event says, else as this session knows."""
        for item in reversed(self._history):
            if item.pair.id == undone.pair_id:
                return Drawn(undone.pair_id, item.strategy, item.chance)
        return Drawn(undone.pair_id, undone.strategy or "", undone.inclusion_probability)

    def _with_earlier(self, item: AuditItem) -> AuditItem:
        """Return the item with the grades that are kept from the person's sight."""
        if item.strategy != REPEAT:
            return item
        return replace(item, labels=(*item.labels, *self._feed.earlier.get(item.pair.id, ())))

    def _shown(self) -> frozenset[UUID]:
        return self._seen_before.union(item.pair.id for item in self._history)

    def _done(self) -> frozenset[UUID]:
        """Return the pairs shown, but for the one on the screen if nobody has graded it."""
        current = self.current
        if current is None or current.skipped or current.label_of(self.annotator):
            return self._shown()
        return self._shown() - {current.pair.id}

    def _item(self) -> AuditItem:
        if self.current is None:
            raise InputError(
                "there is no pair to grade",
                todo="Change the filter, or bring in more pairs.",
            )
        return self.current

    def _replace(self, item: AuditItem) -> None:
        self.current = item
        self._history[self._place] = item

    def _show_again(self, item: AuditItem) -> None:
        places = [place for place, known in enumerate(self._history) if known.pair == item.pair]
        if places:
            self._place = places[-1]
        else:
            self._place = max(0, min(self._place, len(self._history)))
            self._history.insert(self._place, item)
            self._feed.add_seen(item.pair.id)
        self._replace(item)

    def _count_adjudication(self, item: AuditItem) -> None:
        if item.adjudication is None:
            counts = self.counts
            self.counts = replace(counts, done=counts.done + 1, left=max(0, counts.left - 1))

    def _count_grade(self, before: AuditItem, after: AuditItem) -> None:
        old, new = self._distance(before), self._distance(after)
        first = before.label_of(self.annotator) is None and not self.audit_filter.settles
        counts = self.counts
        self.counts = AuditCounts(
            done=counts.done + first,
            left=max(0, counts.left - (first and not before.skipped)),
            compared=counts.compared + (new is not None) - (old is not None),
            agreed=counts.agreed + (new == 0) - (old == 0),
            within_one=counts.within_one + (new in {0, 1}) - (old in {0, 1}),
        )

    def _distance(self, item: AuditItem) -> int | None:
        """Return how far the annotator's standing grade is from the score it was compared with."""
        label = item.label_of(self.annotator)
        if label is None:
            return None
        for ruling in item.rulings:
            if ruling.judgment.id == label.judgment_id and ruling.judgment.score is not None:
                return abs(label.grade - ruling.judgment.score)
        return None


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
