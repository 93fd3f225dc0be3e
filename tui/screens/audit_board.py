"""The widgets of the audit screen, and what each shows for a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Container, Grid
from textual.widgets import Static

from core.records import GRADES
from tui.screens import audit_text
from tui.widgets.code_view import CodeView
from tui.widgets.grade_bar import GradeBar
from tui.widgets.pair_head import PairHead
from tui.widgets.pane import Pane
from tui.widgets.prompt import Prompt
from tui.widgets.split_line import SplitLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.content import Content

    from labels.audit_records import AuditItem
    from tui.command_keys import KeyTable
    from tui.screens.audit_turn import Turn
    from tui.widgets.code_text import CodeText


class AuditBoard(Container):
    """Query, judge, code, grades and the status line; swapped in place, never mounted again."""

    def __init__(self, keys: KeyTable, lex_far: Callable[[CodeText, int], None]) -> None:
        super().__init__(id="board")
        self._details_key = keys.shown_of("audit.details")
        grade_keys = {grade: keys.shown_of(f"audit.grade_{grade}") for grade in GRADES}
        self._head = PairHead(id="head")
        self._judge = Pane(id="judge", more=f"… {self._details_key} all")
        self.code = CodeView(lex_far, id="code")
        self._grades = GradeBar(grade_keys, id="grades")
        self._status = SplitLine(id="status")
        self._end = Static(id="end")

    def compose(self) -> ComposeResult:
        """Lay out the board."""
        with Grid(id="pair"):
            yield self._head
            yield self._judge
            yield self.code
        yield self._end
        yield self._grades
        yield self._status

    def show_turn(self, turn: Turn, item: AuditItem, annotator: str) -> None:
        """Show all but the code of a pair, as much of it as the turn does not hide."""
        self._head.show(audit_text.query_text(item), audit_text.place_text(item))
        if self.screen.has_class("-wide"):
            width = self._judge.content_size.width
            content = audit_text.panel_text(
                item, hidden=turn.hidden, width=width, annotator=annotator
            )
        else:
            content = audit_text.strip_text(item, hidden=turn.hidden)
        self._judge.show(content)
        label = item.label_of(annotator)
        shown = item.ruling if not turn.hidden else None
        self._grades.show(
            shown.judgment.score if shown else None,
            label.grade if label and not turn.hidden else None,
        )

    def show_code(self, item: AuditItem, code: CodeText) -> None:
        """Show the code of a pair from its first line."""
        self.remove_class("-ended")
        self.code.show(code, item.document.start_line)

    def show_end(self, content: Content) -> None:
        """Show that nothing is left in place of a pair."""
        self.add_class("-ended")
        self.code.show(None)
        self._grades.show(None, None)
        self._end.update(content)

    def ask(self, prompt: Prompt) -> None:
        """Put a line to type in above the status line, in the place of any other."""
        self.stop_asking()
        _ = self.mount(prompt, before=self._status)

    def stop_asking(self) -> None:
        """Take the line away."""
        _ = self.query(Prompt).remove()

    def say(self, message: Content, modes: Content) -> None:
        """Show what the last key did, and beside it what the screen is set to."""
        self._status.show(message, modes)
