"""Failed judgments by reason, for the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.text import displayable_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labels.judges.judge import FailureCount

#: Reasons that are shown to a person; ``--json`` has them all.
_SHOWN: Final = 10


def failures_document(failures: Sequence[FailureCount]) -> list[dict[str, object]]:
    """Return the reasons with their counts, the most frequent first."""
    return [{"reason": failure.reason, "count": failure.count} for failure in failures]


def failure_lines(failures: Sequence[FailureCount]) -> list[str]:
    """Return a line for each of the most frequent reasons, and what to do about them."""
    if not failures:
        return []
    lines = ["Failed, by reason:"]
    lines += [displayable_line(f"{one.count:>7,}  {one.reason}") for one in failures[:_SHOWN]]
    rest = failures[_SHOWN:]
    if rest:
        lines.append(f"{sum(one.count for one in rest):>7,}  for {len(rest):,} other reasons")
    lines.append("A failed judgment has no score. Ask again with: rejudge judge --retry-failed")
    return lines
