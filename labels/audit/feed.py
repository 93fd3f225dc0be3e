"""The pairs ahead of an audit: drawn, read from the store, and kept ready.

Which pairs are shown without the judge, so that the pull of its score can be measured.

Earlier pairs that come back silently, so that people can be compared with themselves.
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
from labels.audit.draws import AuditQueue
from labels.audit.items import LabelState, Withheld, load_items
from labels.audit.strategies import CHOSEN, REPEAT, Drawn, Strategy, default_strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from uuid import UUID

    from core.records import Judge
    from core.store.database import Store
    from labels.audit.items import AuditFilter, AuditItem, AuditShares, EarlierLabel
    from labels.audit.team import Leases


#: Labels of a person before any pair is shown blind: first the keys have to be known.
LABELS_BEFORE: Final = 20
_CHECKSUMS: Final = 2**32


def drawn_blind(pair: UUID, annotator: str, share: float) -> bool:
    """Tell whether this person is to grade the pair blind.

    Decided by a checksum of both, so that it has nothing to do with the pair's content and is the
    same each time the pair comes.

    Args:
        pair: the pair.
        annotator: who grades.
        share: of the pairs that are blind, 0 to 1.
    """
    return zlib.crc32(pair.bytes + annotator.encode()) < share * _CHECKSUMS


#: Labels of a person before any pair comes back.
LABELS_BEFORE_REPEATS: Final = 50
#: The person's latest labels: too fresh in mind to come back.
_FRESH: Final = 25


@dataclass(slots=True)
class RepeatDraw:
    """Draws pairs that the annotator graded once, some time ago.

    Args:
        store: the store.
        annotator: who graded them.
        share: the share of all pairs shown that are earlier ones, 0 to 1.
    """

    store: Store
    annotator: str
    share: float
    _chance: Random = field(init=False)
    _taken: set[UUID] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Begin where the annotator's labels are."""
        (row,) = self.store.read(
            "SELECT count(*) FROM db.label_events WHERE annotator = $1", [self.annotator]
        )
        self._chance = Random(f"{self.annotator}/{row[0]}")  # noqa: S311 - no secret

    def among(self, drawn: list[Drawn]) -> list[Drawn]:
        """Return the drawn pairs with earlier ones strewn in at random places."""
        if not self.share or not drawn:
            return drawn
        places = [place for place in range(len(drawn)) if self._chance.random() < self.share]
        back = self._earlier(len(places)) if places else []
        mixed = list(drawn)
        for place, pair in reversed(list(zip(places, back, strict=False))):
            mixed.insert(place, Drawn(pair, REPEAT))
        return mixed

    def _earlier(self, count: int) -> list[UUID]:
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


_AT_ONCE: Final = 300
#: With few labels the queue changes its mind often, and little is drawn ahead.
_AT_FIRST: Final = 60
_MANY_LABELS: Final = 200
_REFILL_BELOW: Final = 40
#: Of pairs that others could have instead, few are taken in hand.
_LEASED_AT_ONCE: Final = 20
_REFILL_LEASED_BELOW: Final = 10


class AuditFeed:
    """Gives the next pairs of one annotator. ``refill`` and ``renew`` may run in a worker thread.

    Args:
        store: the store.
        judge: the audited judge; None when nothing is judged.
        annotator: who grades.
        audit_filter: which pairs are drawn.
        strategy: how; None: as ``default_strategy`` says, asked again now and then.
        shares: how many pairs are shown blind, how many come back.
        seen: pairs that are not to be drawn.
        first: pairs that come before all drawn ones.
        leases: what keeps others from the same pairs; None: nothing does.

    Raises:
        InputError: the strategy has nothing to go by.
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
        # Who asks for pairs again, or for some by name, is to have them whoever else does.
        self._leases = leases if audit_filter.state is LabelState.UNLABELLED else None
        self._judges = {known.id: known for known in all_judges(store)}
        self._queue = self._new_queue()
        self._repeats = RepeatDraw(store, annotator, 0 if audit_filter.active else shares.repeats)
        self._first = deque(first)
        self._seen = set(seen).union(first)
        self._drawing = threading.Lock()
        self._drawn: deque[Drawn] = deque()
        self._ahead: deque[AuditItem] = deque()
        self._renewed: deque[AuditItem] | None = None
        self._dry = False
        self._labels = 0
        #: What the annotator graded before, of pairs that came back silently.
        self.earlier: dict[UUID, tuple[EarlierLabel, ...]] = {}

    @property
    def strategy(self) -> Strategy:
        """How pairs are drawn now."""
        return self._queue.strategy

    @property
    def refill_wanted(self) -> bool:
        """Whether ``refill`` has something to do."""
        below = _REFILL_BELOW if self._leases is None else _REFILL_LEASED_BELOW
        return not self._dry and len(self._ahead) < below

    def read_first(self, *, soon: bool) -> None:
        """Draw the first pair alone, so that it is soon on the screen.

        Args:
            soon: not to wait for what all pairs are worth: a mixed queue begins with a pair drawn
                evenly.
        """
        with self._drawing:
            if soon and not self._first:
                drawn = self._queue.take_soon(self._seen)
                self._seen.update(one.pair for one in drawn)
                self._ahead.extend(self._items(self._claimed(drawn, 1)))
            if not self._ahead:
                self._load(1)

    def refill(self) -> None:
        """Draw and read the next pairs; a second call waits."""
        with self._drawing:
            if not self.refill_wanted:
                return
            if self._grown_up():
                self._queue = self._new_queue()
                self._forget_drawn()
            self._load(self._at_once())

    def renew(self) -> None:
        """Draw what is ahead anew, because pairs are worth something else now.

        What is shown next changes with the next ``take``.
        """
        with self._drawing:
            self._queue = self._new_queue()
            self._forget_drawn()
            unshown = {item.pair.id for item in tuple(self._ahead)}
            drawn = self._queue.take(self._at_once(), self._seen - unshown)
            renewed = self._items(self._claimed(drawn, self._at_once()))
            self._renewed = deque(renewed)
            if self._leases is not None:
                self._leases.release(sorted(unshown.difference(item.pair.id for item in renewed)))

    def take(self, shown: Callable[[], frozenset[UUID]]) -> AuditItem | None:
        """Return the next pair; None when none is left.

        Args:
            shown: what was shown already, asked for when what is ahead was renewed.
        """
        renewed, self._renewed = self._renewed, None
        if renewed is not None:
            self._seen.difference_update(item.pair.id for item in self._ahead)
            before = shown()
            self._ahead = deque(item for item in renewed if item.pair.id not in before)
            self._seen.update(item.pair.id for item in self._ahead)
            self._dry = False
        while True:
            if not self._ahead:
                with self._drawing:
                    self._load(self._at_once())
            if not self._ahead:
                return None
            if self._still_ours(self._ahead[0]):
                return self._ahead.popleft()
            self._ahead.popleft()

    def upcoming(self, count: int) -> tuple[AuditItem, ...]:
        """Return the next pairs, at most ``count`` of those that are ready."""
        return tuple(self._ahead)[: max(0, count)]

    def add_seen(self, pair: UUID) -> None:
        """Draw this pair no more."""
        self._seen.add(pair)

    def read(self, drawn: Drawn) -> AuditItem | None:
        """Read one pair from the store; None when it is not there."""
        found = self._items([drawn])
        return found[0] if found else None

    def _new_queue(self) -> AuditQueue:
        return AuditQueue(self._store, self._judge, self._annotator, self._filter, self._wanted)

    def _grown_up(self) -> bool:
        """Tell whether every score has its share of labels by now."""
        return (
            self._wanted is None
            and self._queue.strategy is Strategy.STRATIFIED
            and default_strategy(self._store, self._judge) is not Strategy.STRATIFIED
        )

    def _at_once(self) -> int:
        if self._leases is not None:
            return _LEASED_AT_ONCE
        return _AT_ONCE if self._labels >= _MANY_LABELS else _AT_FIRST

    def _forget_drawn(self) -> None:
        self._seen.difference_update(one.pair for one in self._drawn)
        self._drawn.clear()

    def _load(self, count: int) -> None:
        """Read the next ``count`` pairs, as far as there are so many."""
        if self._first:
            asked = [Drawn(pair, CHOSEN) for pair in self._first]
            self._first.clear()
            self._ahead.extend(self._items(asked))
            if self._ahead:
                return
        fresh = self._fresh(count)
        self._dry = not fresh
        with self._kept(fresh):
            self._ahead.extend(self._items(self._repeats.among(fresh) if count > 1 else fresh))

    def _fresh(self, count: int) -> list[Drawn]:
        """Return the next pairs of the queue that nobody else has in hand."""
        fresh: list[Drawn] = []
        while len(fresh) < count and self._draw(count):
            if self._leases is None:
                wanted = min(count, len(self._drawn))
                return [self._drawn.popleft() for _ in range(wanted)]
            looked_through = [self._drawn.popleft() for _ in range(len(self._drawn))]
            with self._kept([*fresh, *looked_through]):
                fresh += self._claimed(looked_through, count - len(fresh))
        return fresh

    @contextmanager
    def _kept(self, drawn: Sequence[Drawn]) -> Iterator[None]:
        """Have these drawn again when the store fails, so that none is left out."""
        try:
            yield
        except StoreError:
            self._drawn.extendleft(reversed(drawn))
            raise

    def _draw(self, count: int) -> bool:
        """Have ``count`` pairs drawn, as far as there are so many; return whether any is."""
        while len(self._drawn) < count:
            drawn = self._queue.take(max(count, _AT_ONCE), self._seen)
            if not drawn:
                break
            self._seen.update(one.pair for one in drawn)
            self._drawn.extend(drawn)
        return bool(self._drawn)

    def _claimed(self, drawn: Sequence[Drawn], most: int) -> list[Drawn]:
        """Return those to be had, at most ``most``; what is drawn beyond them waits."""
        if self._leases is None:
            return list(drawn)
        granted = self._leases.claim([one.pair for one in drawn], most)
        if len(granted) == most:
            last = next(place for place, one in enumerate(drawn) if one.pair == granted[-1])
            self._drawn.extendleft(reversed(drawn[last + 1 :]))
        ours = set(granted)
        return [one for one in drawn if one.pair in ours]

    def _still_ours(self, item: AuditItem) -> bool:
        if self._leases is None or item.strategy in {CHOSEN, REPEAT}:
            return True
        return self._leases.keep(item.pair.id)

    def _items(self, drawn: Sequence[Drawn]) -> list[AuditItem]:
        items = load_items(self._store, drawn, self._judges, self._judge, self._annotator)
        if any((self._shares.blind, self._shares.repeats)):
            (row,) = self._store.read(
                "SELECT count(DISTINCT pair_id) FROM db.label_events"
                " WHERE annotator = $1 AND grade IS NOT NULL",
                [self._annotator],
            )
            self._labels = int(row[0]) + len(self._ahead)
        return [
            self._dressed(item, practised=self._labels + place >= LABELS_BEFORE)
            for place, item in enumerate(items)
        ]

    def _dressed(self, item: AuditItem, *, practised: bool) -> AuditItem:
        """Return the item as the annotator is to see it: blind or not, a repeat without a trace."""
        if practised and drawn_blind(item.pair.id, self._annotator, self._shares.blind):
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
