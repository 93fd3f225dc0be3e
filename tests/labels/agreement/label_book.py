"""A store of judged pairs and a person who writes labels down, many at a time."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from core.ids import event_id, utc_now
from core.store.opening import open_store
from core.store.sql import insert_missing
from labels.trust import measure_agreement
from tests.building import new_workspace
from tests.labels.calibration.judged_store import add_judged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from core.store.database import Store
    from labels.agreement.records import AgreementReport

COLUMNS = {
    "id": "UUID",
    "happened": "TIMESTAMP",
    "pair_id": "UUID",
    "annotator": "VARCHAR",
    "action": "VARCHAR",
    "grade": "SMALLINT",
    "judgment_id": "UUID",
    "hidden": "BOOLEAN",
    "strategy": "VARCHAR",
    "inclusion_probability": "DOUBLE",
}
SCORES = [1 + (3 * n) % 5 for n in range(60)]
GRADES = [min(5, max(1, score + (n * n) % 3 - 1)) for n, score in enumerate(SCORES)]


@dataclass(frozen=True)
class Row:
    """A judged pair."""

    pair: UUID
    judgment: UUID
    score: int


@dataclass
class Book:
    """Writes labels down, many at a time, and measures them."""

    store: Store
    events: list[tuple[object, ...]] = field(default_factory=list)

    def rows(self) -> list[Row]:
        """Add 60 pairs, three to a query, with the scores of one judge."""
        pairs = add_judged(self.store, SCORES, per_query=3)
        found = {
            row[0]: Row(*row)
            for row in self.store.read("SELECT pair_id, id, score FROM db.judgments")
        }
        return [found[pair] for pair in pairs]

    def label(
        self,
        row: Row,
        grade: int,
        annotator: str = "ada",
        *,
        judgment: UUID | None = None,
        hidden: bool = False,
        strategy: str | None = None,
        chance: float | None = None,
        minutes: int = 0,
    ) -> None:
        happened = utc_now() + timedelta(minutes=minutes)
        seen = judgment or row.judgment
        action = "confirm" if grade == row.score else "override"
        told = (annotator, action, grade, seen, hidden, strategy, chance)
        self.events.append((event_id(), happened, row.pair, *told))

    def label_pair(self, pair: UUID, grade: int, annotator: str = "ada") -> None:
        """Grade a pair by hand, beside nobody's ruling."""
        told = (annotator, "override", grade, None, False, None, None)
        self.events.append((event_id(), utc_now(), pair, *told))

    def write(self) -> None:
        with self.store.transaction() as cursor:
            insert_missing(cursor, "label_events", COLUMNS, self.events)

    def report(self, judge: str = "") -> AgreementReport:
        self.write()
        return measure_agreement(self.store, judge)


@contextmanager
def opened_book(folder: Path) -> Iterator[Book]:
    """Give a book of a new workspace in ``folder``."""
    with open_store(new_workspace(folder).folder) as opened:
        yield Book(opened)
