"""Earlier pairs that come back silently, so that people can be compared with themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

from labels.strategies import REPEAT, Drawn

if TYPE_CHECKING:
    from uuid import UUID

    from core.store import Store

#: Labels of a person before any pair comes back.
LABELS_BEFORE: Final = 50
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
        if len(rows) < LABELS_BEFORE:
            return []
        once = [pair for pair, again in rows[:-_FRESH] if not again and pair not in self._taken]
        found = self._chance.sample(once, min(count, len(once)))
        self._taken.update(found)
        return found
