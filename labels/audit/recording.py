"""Recording of label events: first in the journal, then in the store.

Events that a team's server cannot take wait in an outbox, in order.
"""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Final

from core.errors import InputError, StoreError, StoreUnreachableError
from core.ids import event_id, utc_now
from core.records import GRADES, Action, LabelEvent
from core.store.events import EVENT_COLUMNS, event_of_row, insert_event
from core.text import storable

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from core.records import Judgment
    from core.store.database import Store


#: Seconds before an unreachable server is tried again: keys must not wait for it.
_PAUSE: Final = 2.0


class Outbox:
    """Sends events to the store in order. All are in the journal already, so none can be lost."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[LabelEvent] = deque()
        self._quiet_until = 0.0

    @property
    def waiting(self) -> int:
        """The number of events that have not reached the store."""
        return len(self._waiting)

    def send(self, event: LabelEvent) -> None:
        """Send the event after those that wait; it waits too if the server cannot be reached.

        Raises:
            StoreError: the database refused it; it is dropped.
        """
        self._waiting.append(event)
        if monotonic() < self._quiet_until:
            return
        try:
            self._send_all()
        except StoreUnreachableError:
            self._quiet_until = monotonic() + _PAUSE
        except BaseException:
            if self._waiting and self._waiting[-1] is event:
                self._waiting.pop()
            raise

    def send_waiting(self) -> None:
        """Send the events that wait.

        Raises:
            StoreUnreachableError: the server still cannot be reached; they keep waiting.
            StoreError: the database refused.
        """
        self._send_all()

    def _send_all(self) -> None:
        while self._waiting:
            insert_event(self._store, self._waiting[0])
            self._waiting.popleft()


_TICK: Final = timedelta(microseconds=1)


class LabelRecorder:
    """Records the events of one annotator. Every method returns once the event is on disk.

    Times never go back, whatever the clock does, so that the last event stays the last. In a team's
    store they follow the server's clock. A label that cannot reach the server counts and is kept in
    the journal; it is sent with the next one, or when the store is opened again.
    """

    def __init__(self, store: Store, annotator: str) -> None:
        annotator = storable(annotator)
        if not annotator.strip():
            raise InputError("the annotator has no name", todo="Give one with --annotator NAME.")
        self._store = store
        self._journal = store.journal
        self._outbox = Outbox(store)
        self.annotator = annotator
        newest = store.read(
            "SELECT max(happened) FROM db.label_events WHERE annotator = $1", [annotator]
        )[0][0]
        self._last: datetime | None = newest
        self._ahead = store.now() - utc_now() if store.shared else timedelta()

    @property
    def waiting(self) -> int:
        """The number of events that have not reached the team's server."""
        return self._outbox.waiting

    def grade(
        self,
        pair: UUID,
        grade: int,
        judgment: Judgment | None,
        *,
        hidden: bool = False,
        milliseconds: int | None = None,
        note: str | None = None,
        strategy: str | None = None,
        chance: float | None = None,
        adjudicates: bool = False,
    ) -> LabelEvent:
        """Record a grade: a confirm if the judgment has the same score, else an override.

        A grade that adjudicates is not the annotator's own: it settles a dispute.

        Raises:
            InputError: the grade is not 1 to 5.
            WorkspaceError, StoreError: it could not be written; the label does not count.
        """
        if grade not in GRADES:
            raise InputError(f"{grade} is not a grade", todo="Grades go from 1 to 5.")
        confirms = judgment is not None and judgment.score == grade
        return self._record(
            LabelEvent(
                id=event_id(),
                happened=self._now(),
                pair_id=pair,
                annotator=self.annotator,
                action=Action.CONFIRM if confirms else Action.OVERRIDE,
                grade=grade,
                judgment_id=judgment.id if judgment else None,
                hidden=hidden,
                milliseconds=milliseconds,
                note=storable(note) if note else None,
                strategy=strategy or None,
                inclusion_probability=chance,
                adjudicates=adjudicates,
            )
        )

    def mark(
        self,
        pair: UUID,
        action: Action,
        *,
        note: str | None = None,
        undoes: UUID | None = None,
        milliseconds: int | None = None,
    ) -> LabelEvent:
        """Record a skip, a flag, a note or an undo."""
        return self._record(
            LabelEvent(
                id=event_id(),
                happened=self._now(),
                pair_id=pair,
                annotator=self.annotator,
                action=action,
                note=None if note is None else storable(note),
                undoes=undoes,
                milliseconds=milliseconds,
            )
        )

    def send_waiting(self) -> None:
        """Send the events that wait for the team's server.

        Raises:
            StoreError: the server cannot be reached, or refuses.
        """
        self._outbox.send_waiting()

    def undo(self) -> LabelEvent | None:
        """Undo the annotator's last event and return it; None if there is none.

        Raises:
            StoreError: the store cannot be read, or the last event has not reached it yet.
        """
        self.send_waiting()
        rows = self._store.read(
            f"SELECT {EVENT_COLUMNS} FROM standing_events WHERE annotator = $1"
            " ORDER BY happened DESC, id DESC LIMIT 1",
            [self.annotator],
        )
        if not rows:
            return None
        undone = event_of_row(rows[0])
        self.mark(undone.pair_id, Action.UNDO, undoes=undone.id)
        return undone

    def unflag(self, pair: UUID) -> bool:
        """Undo the annotator's flags on a pair; return whether there were any.

        Raises:
            StoreError: the store cannot be read, or has not received the last event yet.
        """
        self.send_waiting()
        rows = self._store.read(
            "SELECT id FROM standing_events"
            " WHERE annotator = $1 AND pair_id = $2 AND action = 'flag' ORDER BY happened, id",
            [self.annotator, pair],
        )
        for (flag,) in rows:
            self.mark(pair, Action.UNDO, undoes=flag)
        return bool(rows)

    def _record(self, event: LabelEvent) -> LabelEvent:
        size = self._journal.append(event)
        try:
            self._outbox.send(event)
        except StoreError:
            self._journal.retract(size)
            raise
        self._last = event.happened
        return event

    def _now(self) -> datetime:
        now = utc_now() + self._ahead
        return now if self._last is None or now > self._last else self._last + _TICK
