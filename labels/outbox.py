"""Label events on their way to the store: in order, and kept while a team's server is away."""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Final

from core.errors import StoreUnreachableError
from core.label_events import insert_event

if TYPE_CHECKING:
    from core.records import LabelEvent
    from core.store import Store

#: Seconds in which a server that did not answer is not asked again: a key must not wait for it.
_PAUSE: Final = 2.0


class Outbox:
    """Sends events that are in the journal already, so that none is lost if this is."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[LabelEvent] = deque()
        self._quiet_until = 0.0

    @property
    def waiting(self) -> int:
        """How many events have not reached the store."""
        return len(self._waiting)

    def send(self, event: LabelEvent) -> None:
        """Send the event after those that wait; keep it when the server cannot be reached.

        Raises:
            StoreError: the database refused it; it is not kept.
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
        """Send what waits.

        Raises:
            StoreUnreachableError: the server still cannot be reached; it waits on.
            StoreError: the database refused.
        """
        self._send_all()

    def _send_all(self) -> None:
        while self._waiting:
            insert_event(self._store, self._waiting[0])
            self._waiting.popleft()
