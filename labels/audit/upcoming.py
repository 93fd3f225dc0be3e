"""The pairs ahead of an audit: drawn, read from the store, and kept ready.

Among them are blind checks, shown without the judge's score to measure how far it influences
people, and repeats, earlier pairs that come back to compare people with themselves.
"""

from __future__ import annotations

import threading
import zlib
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Final

from core.errors import StoreError
from core.store.tables import all_judges
from labels.audit.filters import LabelState
from labels.audit.items import Withheld, load_items
from labels.audit.queue import AuditQueue
from labels.audit.strategies import CHOSEN, REPEAT, QueuedPair, Strategy, default_strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from uuid import UUID

    from core.records import Judge
    from core.store.database import Store
    from labels.audit.filters import AuditFilter
    from labels.audit.items import AuditItem, AuditShares, EarlierLabel
    from labels.audit.team import Leases


#: Labels of a person before the first blind check: they have to know the keys first.
LABELS_BEFORE_CHECKS: Final = 20
_CHECKSUMS: Final = 2**32
#: Labels of a person before the first repeat.
LABELS_BEFORE_REPEATS: Final = 50
#: The latest labels, which the person may remember, are not repeated.
_FRESH: Final = 25
_AT_ONCE: Final = 300
#: With few labels the default queue may still change, so fewer pairs are drawn ahead.
_AT_FIRST: Final = 60
_MANY_LABELS: Final = 200
_REFILL_BELOW: Final = 40
#: Leased pairs are withheld from others, so few are leased at a time.
_LEASED_AT_ONCE: Final = 20
_REFILL_LEASED_BELOW: Final = 10


class UpcomingPairs:
    """Supplies one annotator's next pairs. ``refill`` and ``renew`` may run in a worker thread.

    Args:
        store: the store.
        judge: the audited judge; None when nothing is judged.
        annotator: who grades.
        audit_filter: which pairs are drawn.
        strategy: how; None: by ``default_strategy``, which is asked again as labels come in.
        shares: the shares of blind checks and repeats.
        seen: pairs not to be drawn.
        first: pairs that come before all drawn ones.
        leases: keeps other people from the same pairs; None: pairs are not reserved.

    Raises:
        InputError: the strategy lacks the data that it needs.
    """

    def __init__(
        self,
        store: Store,
        judge: Judge | None,
        annotator: str,
        audit_filter: AuditFilter,
        *,
        strategy: Strategy | None,
        shares: AuditShares,
        seen: Iterable[UUID],
        first: Sequence[UUID],
        leases: Leases | None = None,
    ) -> None:
        self._store = store
        self._judge = judge
        self._annotator = annotator
        self._filter = audit_filter
        self._wanted = strategy
        self._shares = shares
        # Somebody who asks for done, flagged or disputed pairs gets them even if others have them.
        self._leases = leases if audit_filter.state is LabelState.UNLABELLED else None
        self._judges = {known.id: known for known in all_judges(store)}
        self._queue = self._new_queue()
        self._repeats = Repeats(store, annotator, 0 if audit_filter.active else shares.repeats)
        self._first = deque(first)
        self._seen = set(seen).union(first)
        self._lock = threading.Lock()
        self._drawn: deque[QueuedPair] = deque()
        self._ahead: deque[AuditItem] = deque()
        self._renewed: deque[AuditItem] | None = None
        self._exhausted = False
        self._labels = 0
        #: The annotator's earlier labels of repeated pairs, which the items do not show.
        self.earlier: dict[UUID, tuple[EarlierLabel, ...]] = {}

    @property
    def strategy(self) -> Strategy:
        """How pairs are drawn now."""
        return self._queue.strategy

    @property
    def refill_wanted(self) -> bool:
        """Whether ``refill`` has something to do."""
        below = _REFILL_BELOW if self._leases is None else _REFILL_LEASED_BELOW
        return not self._exhausted and len(self._ahead) < below

    def read_first(self, *, soon: bool) -> None:
        """Draw the first pair alone, so that it is on the screen quickly.

        Args:
            soon: do not wait for all pairs' weights: a mixed queue begins with a uniform draw.
        """
        with self._lock:
            if soon and not self._first:
                drawn = self._queue.take_quickly(self._seen)
                self._seen.update(queued.pair for queued in drawn)
                self._ahead.extend(self._items(self._lease(drawn, 1)))
            if not self._ahead:
                self._load(1)

    def refill(self) -> None:
        """Draw and read the next pairs; a concurrent call waits."""
        with self._lock:
            if not self.refill_wanted:
                return
            if self._default_changed():
                self._queue = self._new_queue()
                self._forget_drawn()
            self._load(self._batch_size())

    def renew(self) -> None:
        """Draw the pairs ahead again, because weights changed. The next ``take`` uses them."""
        with self._lock:
            self._queue = self._new_queue()
            self._forget_drawn()
            unshown = {item.pair.id for item in tuple(self._ahead)}
            drawn = self._queue.take(self._batch_size(), self._seen - unshown)
            renewed = self._items(self._lease(drawn, self._batch_size()))
            self._renewed = deque(renewed)
            if self._leases is not None:
                self._leases.release(sorted(unshown.difference(item.pair.id for item in renewed)))

    def take(self, shown: Callable[[], frozenset[UUID]]) -> AuditItem | None:
        """Return the next pair; None when none is left.

        Args:
            shown: returns the pairs already shown; called after ``renew``.
        """
        renewed, self._renewed = self._renewed, None
        if renewed is not None:
            self._seen.difference_update(item.pair.id for item in self._ahead)
            already = shown()
            self._ahead = deque(item for item in renewed if item.pair.id not in already)
            self._seen.update(item.pair.id for item in self._ahead)
            self._exhausted = False
        while True:
            if not self._ahead:
                with self._lock:
                    self._load(self._batch_size())
            if not self._ahead:
                return None
            if self._still_leased(self._ahead[0]):
                return self._ahead.popleft()
            self._ahead.popleft()

    def upcoming(self, count: int) -> tuple[AuditItem, ...]:
        """Return the next pairs that are ready, at most ``count``."""
        return tuple(self._ahead)[: max(0, count)]

    def add_seen(self, pair: UUID) -> None:
        """Exclude the pair from further draws."""
        self._seen.add(pair)

    def read(self, queued: QueuedPair) -> AuditItem | None:
        """Read one pair from the store; None if it does not exist."""
        found = self._items([queued])
        return found[0] if found else None

    def _new_queue(self) -> AuditQueue:
        return AuditQueue(self._store, self._judge, self._annotator, self._filter, self._wanted)

    def _default_changed(self) -> bool:
        """Return whether by now every score has enough labels for another default."""
        return (
            self._wanted is None
            and self._queue.strategy is Strategy.STRATIFIED
            and default_strategy(self._store, self._judge) is not Strategy.STRATIFIED
        )

    def _batch_size(self) -> int:
        if self._leases is not None:
            return _LEASED_AT_ONCE
        return _AT_ONCE if self._labels >= _MANY_LABELS else _AT_FIRST

    def _forget_drawn(self) -> None:
        self._seen.difference_update(queued.pair for queued in self._drawn)
        self._drawn.clear()

    def _load(self, count: int) -> None:
        """Read the next pairs, at most ``count``."""
        if self._first:
            asked = [QueuedPair(pair, CHOSEN) for pair in self._first]
            self._first.clear()
            self._ahead.extend(self._items(asked))
            if self._ahead:
                return
        fresh = self._fresh(count)
        self._exhausted = not fresh
        with self._kept_on_error(fresh):
            self._ahead.extend(self._items(self._repeats.mixed_into(fresh) if count > 1 else fresh))

    def _fresh(self, count: int) -> list[QueuedPair]:
        """Return the next pairs of the queue that nobody else has leased."""
        fresh: list[QueuedPair] = []
        while len(fresh) < count and self._draw(count):
            if self._leases is None:
                wanted = min(count, len(self._drawn))
                return [self._drawn.popleft() for _ in range(wanted)]
            candidates = [self._drawn.popleft() for _ in range(len(self._drawn))]
            with self._kept_on_error([*fresh, *candidates]):
                fresh += self._lease(candidates, count - len(fresh))
        return fresh

    @contextmanager
    def _kept_on_error(self, drawn: Sequence[QueuedPair]) -> Iterator[None]:
        """Put these back among the drawn pairs if the store fails, so that none is lost."""
        try:
            yield
        except StoreError:
            self._drawn.extendleft(reversed(drawn))
            raise

    def _draw(self, count: int) -> bool:
        """Draw until ``count`` pairs wait or none are left; return whether any waits."""
        while len(self._drawn) < count:
            drawn = self._queue.take(max(count, _AT_ONCE), self._seen)
            if not drawn:
                break
            self._seen.update(queued.pair for queued in drawn)
            self._drawn.extend(drawn)
        return bool(self._drawn)

    def _lease(self, drawn: Sequence[QueuedPair], most: int) -> list[QueuedPair]:
        """Lease at most ``most`` of the pairs and return them; pairs after the last one wait."""
        if self._leases is None:
            return list(drawn)
        granted = self._leases.claim([queued.pair for queued in drawn], most)
        if len(granted) == most:
            last = next(at for at, queued in enumerate(drawn) if queued.pair == granted[-1])
            self._drawn.extendleft(reversed(drawn[last + 1 :]))
        ours = set(granted)
        return [queued for queued in drawn if queued.pair in ours]

    def _still_leased(self, item: AuditItem) -> bool:
        if self._leases is None or item.strategy in {CHOSEN, REPEAT}:
            return True
        return self._leases.keep(item.pair.id)

    def _items(self, drawn: Sequence[QueuedPair]) -> list[AuditItem]:
        items = load_items(self._store, drawn, self._judges, self._judge, self._annotator)
        if any((self._shares.blind, self._shares.repeats)):
            (row,) = self._store.read(
                "SELECT count(DISTINCT pair_id) FROM db.label_events"
                " WHERE annotator = $1 AND grade IS NOT NULL",
                [self._annotator],
            )
            self._labels = int(row[0]) + len(self._ahead)
        return [
            self._prepared(item, practised=self._labels + place >= LABELS_BEFORE_CHECKS)
            for place, item in enumerate(items)
        ]

    def _prepared(self, item: AuditItem, *, practised: bool) -> AuditItem:
        """Return the item as the annotator may see it: blind or not, a repeat without its label."""
        if practised and is_blind_check(item.pair.id, self._annotator, self._shares.blind):
            item = replace(item, blind=True)
        if item.strategy != REPEAT:
            return item
        own = tuple(label for label in item.labels if label.annotator == self._annotator)
        self.earlier[item.pair.id] = own
        others = tuple(label for label in item.labels if label.annotator != self._annotator)
        withheld = Withheld(others, item.remarks, item.adjudication)
        return replace(
            item, labels=(), remarks=(), adjudication=None, skipped=False, withheld=withheld
        )


def is_blind_check(pair: UUID, annotator: str, share: float) -> bool:
    """Return whether this person is to grade the pair without seeing the judge.

    A checksum of both decides, so that it does not depend on the pair's content and is the same
    whenever the pair comes. ``share`` of all pairs are blind checks, 0 to 1.
    """
    return zlib.crc32(pair.bytes + annotator.encode()) < share * _CHECKSUMS


@dataclass(slots=True)
class Repeats:
    """Chooses pairs to repeat among those that the annotator graded once, some time ago.

    Args:
        store: the store.
        annotator: who graded them.
        share: the share of repeats among all pairs shown, 0 to 1.
    """

    store: Store
    annotator: str
    share: float
    _chance: Random = field(init=False)
    _taken: set[UUID] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Seed the generator with the annotator's progress."""
        (row,) = self.store.read(
            "SELECT count(*) FROM db.label_events WHERE annotator = $1", [self.annotator]
        )
        self._chance = Random(f"{self.annotator}/{row[0]}")  # noqa: S311 - no secret

    def mixed_into(self, drawn: list[QueuedPair]) -> list[QueuedPair]:
        """Return the drawn pairs with repeats at random places among them."""
        if not self.share or not drawn:
            return drawn
        places = [place for place in range(len(drawn)) if self._chance.random() < self.share]
        repeated = self._choose(len(places)) if places else []
        mixed = list(drawn)
        for place, pair in reversed(list(zip(places, repeated, strict=False))):
            mixed.insert(place, QueuedPair(pair, REPEAT))
        return mixed

    def _choose(self, count: int) -> list[UUID]:
        rows = self.store.read(
            "SELECT pair_id, count(*) FILTER (strategy = $2) FROM standing_events"
            " WHERE annotator = $1 AND grade IS NOT NULL"
            " GROUP BY pair_id ORDER BY max(happened), pair_id",
            [self.annotator, REPEAT],
        )
        if len(rows) < LABELS_BEFORE_REPEATS:
            return []
        once = [pair for pair, again in rows[:-_FRESH] if not again and pair not in self._taken]
        found = self._chance.sample(once, min(count, len(once)))
        self._taken.update(found)
        return found
