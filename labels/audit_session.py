"""One sitting at the audit screen: what is shown, what comes next, what was done."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.records import Action
from labels.audit_counts import audit_counts
from labels.audit_draw import CHOSEN, STRATIFIED, StratifiedDraw
from labels.audit_items import label_of_event, load_items
from labels.audit_records import AuditCounts, AuditFilter, AuditItem
from labels.audited_judge import audited_judge
from labels.judgments import all_judges
from labels.label_recording import LabelRecorder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from core.records import Judge, LabelEvent
    from core.store import Store

#: The first pair is read alone, so that it is soon on the screen.
_FIRST: Final = 1
_AT_ONCE: Final = 300
_REFILL_BELOW: Final = 40
_PER_SCORE: Final = 60


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
        first: Sequence[UUID] = (),
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._judges = {known.id: known for known in all_judges(store)}
        self._draw = StratifiedDraw(store, judge, recorder.annotator, audit_filter)
        self._seen_before = seen
        self._first = deque(first)
        self._seen = set(seen).union(first)
        self._drawing = threading.Lock()
        self._drawn: deque[UUID] = deque()
        self._ahead: deque[AuditItem] = deque()
        self._dry = False
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
        seen: frozenset[UUID] = frozenset(),
        first: Sequence[UUID] = (),
    ) -> AuditSession:
        """Begin a session with its first pair already drawn.

        Args:
            store: the store.
            annotator: who grades.
            judge_name: whose scores are audited; empty: the judge that scored most.
            audit_filter: which pairs; None: those not graded yet.
            seen: pairs that are not to be drawn again.
            first: pairs that come before all drawn ones, whatever the filter and what was done
                to them before; an unknown id is passed over.

        Raises:
            InputError: no judge has that name, or the annotator has none.
        """
        judge = audited_judge(store, judge_name)
        chosen = audit_filter or AuditFilter()
        session = cls(store, LabelRecorder(store, annotator), judge, chosen, seen, first)
        session.counts = audit_counts(store, annotator, judge, chosen)
        session._load(_FIRST)
        session.advance()
        return session

    def with_filter(self, audit_filter: AuditFilter) -> AuditSession:
        """Return a new session under another filter that repeats no pair of this one.

        A filter that asks for graded, skipped or flagged pairs shows them again: it asks for them.
        """
        asks_again = audit_filter.active and audit_filter.state is not AuditFilter().state
        name = self.judge.name if self.judge else ""
        return AuditSession.start(
            self._store,
            self.annotator,
            judge_name=name,
            audit_filter=audit_filter,
            seen=frozenset() if asks_again else self._shown(),
        )

    def with_first(self, first: Sequence[UUID]) -> AuditSession:
        """Return a new session that begins with these pairs, then goes on as this one would."""
        return AuditSession.start(
            self._store,
            self.annotator,
            judge_name=self.judge.name if self.judge else "",
            audit_filter=self.audit_filter,
            seen=self._done(),
            first=first,
        )

    @property
    def refill_wanted(self) -> bool:
        """Whether ``refill`` has something to do."""
        return not self._dry and len(self._ahead) < _REFILL_BELOW

    def refill(self) -> None:
        """Draw and read the next pairs. Safe in a worker thread; a second call waits."""
        if self.refill_wanted:
            self._load(_AT_ONCE)

    def upcoming(self, count: int) -> tuple[AuditItem, ...]:
        """Return the next pairs that ``advance`` will show, at most ``count``."""
        visited = self._history[self._place + 1 : self._place + 1 + count]
        drawn = tuple(self._ahead)[: count - len(visited)]
        return (*visited, *drawn)

    def advance(self) -> AuditItem | None:
        """Go to the next pair: one that ``back`` left, else a new one; None when none is left."""
        if self._place + 1 < len(self._history):
            self._place += 1
        else:
            if not self._ahead:
                self._load(_AT_ONCE)
            if not self._ahead:
                self._place = len(self._history)
                self.current = None
                return None
            self._history.append(self._ahead.popleft())
            self._place = len(self._history) - 1
        self.current = self._history[self._place]
        return self.current

    def back(self) -> AuditItem | None:
        """Go to the pair before; at the first one nothing changes."""
        if self._place > 0:
            self._place -= 1
            self.current = self._history[self._place]
        return self.current

    def grade(
        self, grade: int, *, hidden: bool = False, milliseconds: int | None = None
    ) -> LabelEvent:
        """Grade the current pair. On return the label is on disk; the pair stays the current one.

        Raises:
            InputError: there is no current pair, or no such grade.
            WorkspaceError, StoreError: it could not be written and does not count.
        """
        item = self._item()
        ruling = item.ruling
        event = self._recorder.grade(
            item.pair.id,
            grade,
            ruling.judgment if ruling else None,
            hidden=hidden,
            milliseconds=milliseconds,
            strategy=item.strategy,
        )
        changed = replace(item, labels=(label_of_event(event), *item.labels))
        self._count_grade(item, changed)
        self._replace(changed)
        return event

    def skip(self, milliseconds: int | None = None) -> LabelEvent:
        """Pass the current pair over; it is not drawn again."""
        item = self._item()
        event = self._recorder.mark(item.pair.id, Action.SKIP, milliseconds=milliseconds)
        if not item.skipped and item.label_of(self.annotator) is None:
            self.counts = replace(self.counts, left=max(0, self.counts.left - 1))
        self._replace(replace(item, skipped=True))
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
        self._replace(replace(item, notes=(text.strip(), *item.notes)))
        return event

    def undo(self) -> LabelEvent | None:
        """Take back this annotator's last event and make its pair the current one.

        Reaches beyond this session. Returns the undone event, None when there is none.
        """
        undone = self._recorder.undo()
        if undone is None:
            return None
        found = load_items(self._store, [undone.pair_id], self._judges, self.judge, STRATIFIED)
        self.counts = audit_counts(self._store, self.annotator, self.judge, self.audit_filter)
        if found:
            self._show_again(found[0])
        return undone

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
            self._seen.add(item.pair.id)
        self._replace(item)

    def _count_grade(self, before: AuditItem, after: AuditItem) -> None:
        old, new = self._distance(before), self._distance(after)
        first = before.label_of(self.annotator) is None
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

    def _load(self, count: int) -> None:
        """Read the next ``count`` pairs, as far as there are so many."""
        with self._drawing:
            if self._first:
                self._load_first()
                return
            self._draw_ids(count)
            fresh = [self._drawn.popleft() for _ in range(min(count, len(self._drawn)))]
            if not fresh:
                self._dry = True
                return
            self._ahead.extend(load_items(self._store, fresh, self._judges, self.judge, STRATIFIED))

    def _load_first(self) -> None:
        """Read the pairs that were asked for by name; none is left afterwards."""
        asked = list(self._first)
        self._first.clear()
        self._ahead.extend(load_items(self._store, asked, self._judges, self.judge, CHOSEN))

    def _draw_ids(self, count: int) -> None:
        while len(self._drawn) < count:
            identifiers = self._draw.take(_PER_SCORE)
            if not identifiers:
                return
            fresh = [identifier for identifier in identifiers if identifier not in self._seen]
            self._seen.update(fresh)
            self._drawn.extend(fresh)
