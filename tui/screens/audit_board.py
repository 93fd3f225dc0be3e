"""The widgets of the audit screen, and what each shows for a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Grid

from tui.screens import audit_text
from tui.widgets.board import Board
from tui.widgets.code_view import CodeView
from tui.widgets.grade_bar import GradeBar
from tui.widgets.pair_head import PairHead
from tui.widgets.pane import Pane
from tui.words import GRADE_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.content import Content

    from labels.audit_records import AuditItem
    from tui.command_keys import KeyTable
    from tui.screens.audit_turn import Turn
    from tui.widgets.code_text import CodeText


class AuditBoard(Board):
    """Query, judge, code, grades and the status line; swapped in place, never mounted again."""

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
        self._details_key = keys.shown_of("audit.details")
        grade_keys = {grade: keys.shown_of(f"audit.grade_{grade}") for grade in GRADE_NUMBERS}
        self._head = PairHead(id="head")
        self._judge = Pane(id="judge", more=f"… {self._details_key} all")
        self.code = CodeView(lex_far, id="code")
        self._grades = GradeBar(grade_keys, id="grades")
        self._pair = Grid(self._head, self._judge, self.code, id="pair")

    def compose(self) -> ComposeResult:
        """Lay out what the first paint needs; the rest comes with the first pair."""
        yield self.end
        yield self.status

    def show_turn(self, turn: Turn, item: AuditItem, annotator: str) -> None:
        """Show all but the code of a pair, as much of it as the turn does not hide."""
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
        """Show that nothing is left in place of a pair."""
        super().show_end(content)
        self.code.show(None)
        self._grades.show(None, None)
