"""One annotator's audit session: the current pair, the pairs before and after it, the counts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.errors import InputError, StoreError, StoreUnreachableError
from core.records import Action, LabelEvent
from labels.audit.filters import AuditCounts, AuditFilter, audit_counts
from labels.audit.items import AuditItem, AuditShares, Remark, label_of_event
from labels.audit.recording import LabelRecorder
from labels.audit.strategies import REPEAT, QueuedPair, Strategy
from labels.audit.team import Leases
from labels.audit.upcoming import UpcomingPairs
from labels.judges.choosing import audited_judge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from core.records import Judge
    from core.store.database import Store


@dataclass(frozen=True, slots=True)
class _Options:
    """The options of a session besides its filter, which follow-up sessions inherit."""

    strategy: Strategy | None
    shares: AuditShares
    soon: bool


class AuditSession:
    """The state of one annotator's audit. For one thread; ``refill`` may run in another.

    Attributes:
        annotator: who grades.
        judge: the audited judge; None when nothing is judged.
        audit_filter: which pairs are drawn.
        counts: the annotator's progress, kept up to date with every action.
        current: the pair to grade; None when none is left.
    """

    def __init__(
        self,
        store: Store,
        recorder: LabelRecorder,
        judge: Judge | None,
        audit_filter: AuditFilter,
        seen: frozenset[UUID],
        upcoming: UpcomingPairs,
        options: _Options,
        leases: Leases | None,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._seen_before = seen
        self._upcoming = upcoming
        self._options = options
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
            audit_filter: which pairs; None: pairs that are not graded yet.
            strategy: how pairs are drawn; None: by ``default_strategy``.
            shares: the shares of blind checks and repeats; None: none.
            seen: pairs not to be drawn again.
            first: pairs that come before all drawn ones, whatever the filter and their state;
                unknown ids are skipped.
            soon: draw the first pair in the quickest way, see ``UpcomingPairs.read_first``.

        Raises:
            InputError: there is no such judge, the annotator's name is empty, or the strategy
                lacks the data that it needs.
        """
        judge = audited_judge(store, judge_name)
        chosen = audit_filter or AuditFilter()
        recorder = LabelRecorder(store, annotator)
        leases = Leases.of(store, annotator)
        chosen = replace(chosen, graders=leases.overlap if leases else None)
        upcoming = UpcomingPairs(
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
        options = _Options(strategy, shares or AuditShares(), soon)
        session = cls(store, recorder, judge, chosen, seen, upcoming, options, leases)
        session.counts = audit_counts(store, annotator, judge, chosen)
        upcoming.read_first(soon=soon)
        session.advance()
        return session

    def with_filter(self, audit_filter: AuditFilter) -> AuditSession:
        """Return a new session under another filter, without the pairs of this one.

        A filter for graded, skipped, flagged or disputed pairs shows them again.
        """
        asks_again = audit_filter.active and audit_filter.state is not AuditFilter().state
        return self._follow_up(
            audit_filter, self._options.strategy, frozenset() if asks_again else self._shown()
        )

    def with_strategy(self, strategy: Strategy | None) -> AuditSession:
        """Return a new session with another strategy, without the pairs of this one.

        Raises:
            InputError: the strategy lacks the data that it needs.
        """
        return self._follow_up(self.audit_filter, strategy, self._done())

    def with_first(self, first: Sequence[UUID]) -> AuditSession:
        """Return a new session that begins with these pairs and continues like this one."""
        return self._follow_up(self.audit_filter, self._options.strategy, self._done(), first)

    def _follow_up(
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
            shares=self._options.shares,
            seen=seen,
            first=first,
            soon=self._options.soon,
        )

    @property
    def strategy(self) -> Strategy:
        """How pairs are drawn now."""
        return self._upcoming.strategy

    @property
    def asked_strategy(self) -> Strategy | None:
        """The strategy that was asked for; None: the default."""
        return self._options.strategy

    @property
    def waiting(self) -> int:
        """How many of the annotator's events have not reached the team's server yet."""
        return self._recorder.waiting

    @property
    def refill_wanted(self) -> bool:
        """Whether ``refill`` has something to do."""
        return self._upcoming.refill_wanted

    def refill(self) -> None:
        """Draw and read the next pairs. Safe in a worker thread; a concurrent call waits."""
        self._upcoming.refill()

    def renew(self) -> None:
        """Draw the pairs ahead again, after a calibration. Safe in a worker thread."""
        self._upcoming.renew()

    def release(self) -> None:
        """Release leases; those that cannot be released expire."""
        if self._leases is not None:
            with suppress(StoreError):
                self._leases.release()

    def upcoming(self, count: int) -> tuple[AuditItem, ...]:
        """Return the next pairs that ``advance`` will show, at most ``count``."""
        visited = self._history[self._place + 1 : self._place + 1 + count]
        return (*visited, *self._upcoming.upcoming(count - len(visited)))

    def advance(self) -> AuditItem | None:
        """Go to the next pair, one that ``back`` left or a new one; None when none is left."""
        if self._place + 1 < len(self._history):
            self._place += 1
        else:
            fresh = self._upcoming.take(self._shown)
            if fresh is None:
                self._place = len(self._history)
                self.current = None
                return None
            self._history.append(fresh)
            self._place = len(self._history) - 1
        self.current = self._history[self._place]
        return self.current

    def back(self) -> AuditItem | None:
        """Go to the previous pair; stay at the first."""
        if self._place > 0:
            self._place -= 1
            self.current = self._history[self._place]
        return self.current

    @property
    def adjudicates(self) -> bool:
        """Whether the next grade adjudicates, instead of being the annotator's own.

        That is so under a filter for disputes once the annotator has graded the pair: until then
        they do not see other people's grades.
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
        """Grade the current pair, which stays the current one. On return the label is on disk.

        If ``adjudicates`` is true, the grade is the adjudicated one.

        Raises:
            InputError: there is no current pair, or the grade is not 1 to 5.
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
        """Skip the current pair; it is not drawn again."""
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
        """Flag the current pair for another look, because its query or code is broken."""
        item = self._item()
        event = self._recorder.mark(item.pair.id, Action.FLAG)
        self._replace(replace(item, flagged=True))
        return event

    def toggle_flag(self) -> bool:
        """Flag the current pair, or undo the annotator's own flag; return whether it is flagged.

        Raises:
            StoreError: the flag cannot be undone, because the server cannot be reached.
        """
        item = self._item()
        if not item.flagged or not self._recorder.unflag(item.pair.id):
            self.flag()
            return True
        ((others,),) = self._store.read(
            "SELECT count(*) FROM standing_events WHERE pair_id = $1 AND action = 'flag'",
            [item.pair.id],
        )
        self._replace(replace(item, flagged=others > 0))
        return bool(others)

    def note(self, text: str) -> LabelEvent:
        """Add a note to the current pair.

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
        """Undo the annotator's last event, also of an earlier session, and show its pair.

        Returns the undone event; None if there is none.
        """
        undone = self._recorder.undo()
        if undone is None:
            return None
        found = self._upcoming.read(self._queued_as(undone))
        self.counts = audit_counts(self._store, self.annotator, self.judge, self.audit_filter)
        if found is not None:
            self._show_again(found)
        return undone

    def _queued_as(self, undone: LabelEvent) -> QueuedPair:
        """Return how the queue chose the pair, from this session's history or the event."""
        for item in reversed(self._history):
            if item.pair.id == undone.pair_id:
                return QueuedPair(undone.pair_id, item.strategy, item.chance)
        return QueuedPair(undone.pair_id, undone.strategy or "", undone.inclusion_probability)

    def _with_earlier(self, item: AuditItem) -> AuditItem:
        """Return the item with the earlier labels that a repeat hides."""
        if item.strategy != REPEAT:
            return item
        return replace(item, labels=(*item.labels, *self._upcoming.earlier.get(item.pair.id, ())))

    def _shown(self) -> frozenset[UUID]:
        return self._seen_before.union(item.pair.id for item in self._history)

    def _done(self) -> frozenset[UUID]:
        """Return the pairs shown, without the current one if the annotator did nothing to it."""
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
            self._upcoming.add_seen(item.pair.id)
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
        """Return the distance of the annotator's grade from the audited judge's score.

        None without a grade, and when the grade was compared with another judge's score.
        """
        label = item.label_of(self.annotator)
        if label is None:
            return None
        for ruling in item.rulings:
            if self.judge is not None and ruling.judge.id != self.judge.id:
                continue
            if ruling.judgment.id == label.judgment_id and ruling.judgment.score is not None:
                return abs(label.grade - ruling.judgment.score)
        return None
