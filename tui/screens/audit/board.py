"""The widgets of the audit screen, and the state of the pair in front of the person."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from textual.containers import Grid

from tui.shown import audit as audit_text
from tui.widgets.bars import GradeBar, PairHead
from tui.widgets.board import Board
from tui.widgets.code import CodeView
from tui.widgets.text import Pane
from tui.words import GRADE_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.content import Content

    from labels.audit.items import AuditItem
    from tui.keys import KeyTable
    from tui.widgets.code_text import CodeText


_LONGEST = 2**31 - 1


@dataclass(slots=True)
class Turn:
    """A pair in front of the person, from the moment it is shown.

    Attributes:
        hidden: whether score, rationale and earlier labels are hidden.
        graded: whether the person has graded it and it stays on the screen.
        painted: when it was painted, in seconds of the monotonic clock; None before that.
    """

    hidden: bool = False
    graded: bool = False
    painted: float | None = None

    @classmethod
    def of(cls, item: AuditItem | None, annotator: str, *, blind: bool) -> Turn:
        """Return a new turn; hidden until graded in blind mode and for a blind check."""
        known = item is not None and item.label_of(annotator) is not None
        return cls(hidden=item is not None and (blind or item.blind) and not known)

    def paint(self) -> None:
        """Start the clock."""
        if self.painted is None:
            self.painted = monotonic()

    @property
    def milliseconds(self) -> int:
        """Milliseconds since the first paint."""
        if self.painted is None:
            return 0
        return min(int((monotonic() - self.painted) * 1000), _LONGEST)


class AuditBoard(Board):
    """Query, judge, code, grades and the status line, updated in place."""

    SCOPED_CSS = False  # the screen carries -wide
    DEFAULT_CSS = """
    AuditBoard {
        height: 1fr;
        & #pair { height: 1fr; grid-size: 1; grid-rows: 3 4 1fr; }
        & #head, & #judge { height: 100%; padding: 0 1; }
        & #judge, & #grades { background: $surface; }
        & #grades, & #status { height: 1; padding: 0 1; text-wrap: nowrap; }
        & #end { display: none; height: 1fr; padding: 1 2; }
        &.-ended #pair, &.-ended #grades { display: none; }
        &.-ended #end { display: block; }
    }
    .-wide AuditBoard {
        & #pair { grid-size: 2; grid-columns: 2fr 1fr; grid-rows: 4 1fr; }
        & #head { padding: 1 1 0 1; }
        & #judge { row-span: 2; padding: 1 2; }
    }
    """

    def __init__(self, keys: KeyTable, lex_far: Callable[[CodeText, int], None]) -> None:
        super().__init__(classes="-ended")
        grade_keys = {grade: keys.shown_of(f"audit.grade_{grade}") for grade in GRADE_NUMBERS}
        self._head = PairHead(id="head")
        self._judge = Pane(id="judge", more=f"… {keys.shown_of('audit.details')} details")
        self.code = CodeView(lex_far, id="code")
        self._grades = GradeBar(grade_keys, id="grades")
        self._pair = Grid(self._head, self._judge, self.code, id="pair")

    def compose(self) -> ComposeResult:
        """Lay out what the first paint needs; the rest is mounted with the first pair."""
        yield self.end
        yield self.status

    def show_turn(self, turn: Turn, item: AuditItem, annotator: str) -> None:
        """Show a pair without its code, and without what the turn hides."""
        hidden = turn.hidden

        def ruling(width: int) -> Content:
            if self.screen.has_class("-wide"):
                return audit_text.panel_text(item, hidden=hidden, width=width, annotator=annotator)
            return audit_text.strip_text(item, hidden=hidden, annotator=annotator)

        self._head.show(audit_text.query_text(item), audit_text.place_text(item))
        self._judge.show(ruling)
        label = item.label_of(annotator)
        shown = item.ruling if not hidden else None
        self._grades.show(
            shown.judgment.score if shown else None,
            label.grade if label and not hidden else None,
        )

    def show_code(self, item: AuditItem, code: CodeText) -> None:
        """Show the code of a pair from its first line."""
        self.code.show(code, item.document.start_line)
        if not self._pair.is_attached:
            _ = self.mount(self._pair, self._grades, before=self.end)
        self.remove_class("-ended")

    def show_end(self, content: Content) -> None:
        """Show a text in place of a pair."""
        super().show_end(content)
        self.code.show(None)
        self._grades.show(None, None)
