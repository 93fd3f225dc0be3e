"""What one person does with one pair: when it was painted, what was hidden, what was graded."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labels.audit_records import AuditItem

_LONGEST = 2**31 - 1


@dataclass(slots=True)
class Turn:
    """The turn of one pair.

    Attributes:
        hidden: whether score, rationale and earlier labels are out of sight.
        graded: whether a grade was given in this turn while the pair stayed.
        painted: when the pair was first in sight, in seconds of the monotonic clock.
    """

    hidden: bool = False
    graded: bool = False
    painted: float | None = None

    @classmethod
    def of(cls, item: AuditItem | None, annotator: str, *, blind: bool) -> Turn:
        """Begin a turn; a pair of blind mode, or drawn blind, is hidden until graded."""
        known = item is not None and item.label_of(annotator) is not None
        return cls(hidden=item is not None and (blind or item.blind) and not known)

    def paint(self) -> None:
        """Start the clock: the pair is in sight now."""
        if self.painted is None:
            self.painted = monotonic()

    @property
    def milliseconds(self) -> int:
        """Time since the first paint."""
        if self.painted is None:
            return 0
        return min(int((monotonic() - self.painted) * 1000), _LONGEST)
