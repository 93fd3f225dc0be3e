"""What several people said of one pair, side by side, and what was adjudicated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from core.display import displayable, displayable_line, shortened
from tui.words import DIM, WIDEST_GRADE_WORD, grade_mark, grade_style

if TYPE_CHECKING:
    from labels.audit_records import AuditItem, EarlierLabel
    from tui.words import Part

#: A digit, a bar of five and the longest word, with the gaps between.
_MARK_WIDTH: Final = 8 + WIDEST_GRADE_WORD


def several_spoke(item: AuditItem) -> bool:
    """Tell whether there is more than one grade to look at."""
    return len(item.opinions) > 1 or item.adjudication is not None


def people_title(item: AuditItem) -> str:
    """Return the heading over ``people_text``."""
    if item.to_be_settled and item.apart:
        return f"PEOPLE (UTC), {item.apart} APART"
    return "PEOPLE (UTC)"


def people_text(item: AuditItem, annotator: str) -> Content:
    """Return a row for each person: grade, name, when, how long they looked; their notes below."""
    lines = [_row(one.label, _name(one.label, annotator), one.notes) for one in item.opinions]
    if item.adjudication is not None:
        by = f"adjudicated by {_name(item.adjudication, annotator)}"
        lines.append(_row(item.adjudication, by, ()))
    return Content("\n").join(lines)


def people_line(item: AuditItem, annotator: str) -> Content:
    """Return the grades of all in one line, for a narrow terminal."""
    parts: list[Part] = [("people ", DIM)]
    for one in item.opinions:
        parts += [_digit(one.label), (f" {_name(one.label, annotator)}  ", "")]
    if item.adjudication is not None:
        by = _name(item.adjudication, annotator)
        parts += [("adjudicated ", DIM), _digit(item.adjudication), (f" {by}", "")]
    return Content.assemble(*parts)


def other_notes(item: AuditItem) -> tuple[str, ...]:
    """Return the notes of people who graded nothing: no row of ``people_text`` has them."""
    graders = {one.label.annotator for one in item.opinions}
    return tuple(one.text for one in item.remarks if one.annotator not in graders)


def _row(label: EarlierLabel, who: str, notes: tuple[str, ...]) -> Content:
    mark = grade_mark(label.grade)
    took = f"  {label.milliseconds / 1000:.0f} s" if label.milliseconds is not None else ""
    parts: list[Part] = [
        mark,
        " " * max(1, _MARK_WIDTH - mark.cell_length + 2),
        (who, "bold"),
        (f"\n  {label.happened:%Y-%m-%d %H:%M}{took}", DIM),
        (f"  {label.action.value}{', blind' if label.hidden else ''}", DIM),
    ]
    for note in notes:
        parts += [("\n  note ", DIM), displayable(shortened(note))]
    return Content.assemble(*parts)


def _name(label: EarlierLabel, annotator: str) -> str:
    return "you" if label.annotator == annotator else displayable_line(label.annotator)


def _digit(label: EarlierLabel) -> Content:
    return Content.assemble((str(label.grade), f"bold {grade_style(label.grade)}"))
