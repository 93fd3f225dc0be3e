"""How a team's work stands, as a document and as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.text import displayable_line
from tui.shown.figures import percent, table

if TYPE_CHECKING:
    from labels.audit.team import Member, TeamStatus


def status_document(status: TeamStatus, place: str) -> dict[str, object]:
    """Return what ``team status --json`` answers."""
    return {
        "store": place,
        "overlap": status.overlap,
        "pairs": status.pairs,
        "done": status.done,
        "graded_by": {str(people): pairs for people, pairs in status.graded_by.items()},
        "disputed": status.disputed,
        "adjudicated": status.adjudicated,
        "people": [_member(one) for one in status.members],
    }


def status_lines(status: TeamStatus, place: str) -> list[str]:
    """Return the same for a person."""
    rows: list[tuple[str, object]] = [
        ("store", place),
        ("overlap", overlap_words(status.overlap)),
        ("done", percent(status.done, status.pairs)),
        *((f"by {people}", f"{pairs:,} pairs") for people, pairs in status.graded_by.items()),
        ("disputed", f"{status.disputed:,} pairs, {status.adjudicated:,} adjudicated"),
    ]
    people = [
        (
            displayable_line(one.name),
            f"{one.graded:,} graded, {one.skipped:,} skipped, {one.in_hand:,} in hand"
            + (f", last {one.last:%Y-%m-%d %H:%M} UTC" if one.last else ""),
        )
        for one in status.members
    ]
    return [*table(rows), "", *table(people)]


def overlap_words(people: int) -> str:
    """Return to whom each pair goes, as a clause."""
    if not people:
        return "every pair goes to everybody"
    return f"each pair goes to {people} {'person' if people == 1 else 'people'}"


def _member(one: Member) -> dict[str, object]:
    return {
        "name": one.name,
        "graded": one.graded,
        "skipped": one.skipped,
        "in_hand": one.in_hand,
        "last": f"{one.last.isoformat()}Z" if one.last else None,
    }
