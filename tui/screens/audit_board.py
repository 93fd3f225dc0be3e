"""The widgets of the audit screen, and what each shows for a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Container, Grid
from textual.widgets import Static

from tui.screens import audit_text
from tui.widgets.code_view import CodeView
from tui.widgets.grade_bar import GradeBar
from tui.widgets.pair_head import PairHead
from tui.widgets.pane import Pane
from tui.widgets.split_line import SplitLine
from tui.words import GRADE_NUMBERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.content import Content

    from labels.audit_records import AuditItem
    from tui.command_keys import KeyTable
    from tui.screens.audit_turn import Turn
    from tui.widgets.code_text import CodeText
    from tui.widgets.prompt import Prompt


class AuditBoard(Container):
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
        super().__init__(id="board", classes="-ended")
        self._details_key = keys.shown_of("audit.details")
        grade_keys = {grade: keys.shown_of(f"audit.grade_{grade}") for grade in GRADE_NUMBERS}
        self._head = PairHead(id="head")
        self._judge = Pane(id="judge", more=f"… {self._details_key} all")
        self.code = CodeView(lex_far, id="code")
        self._grades = GradeBar(grade_keys, id="grades")
        self._status = SplitLine(id="status")
        self._pair = Grid(self._head, self._judge, self.code, id="pair")
        self._end = Static(id="end")
        self._prompt: Prompt | None = None

    def compose(self) -> ComposeResult:
        """Lay out what the first paint needs; the rest comes with the first pair."""
        yield self._end
        yield self._status

    def show_turn(self, turn: Turn, item: AuditItem, annotator: str) -> None:
        """Show all but the code of a pair, as much of it as the turn does not hide."""
        hidden = turn.hidden

        def ruling(width: int) -> Content:
            if self.screen.has_class("-wide"):
                return audit_text.panel_text(item, hidden=hidden, width=width, annotator=annotator)
            return audit_text.strip_text(item, hidden=hidden)

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
            _ = self.mount(self._pair, self._grades, before=self._end)
        self.remove_class("-ended")

    def show_end(self, content: Content) -> None:
        """Show that nothing is left in place of a pair."""
        self.add_class("-ended")
        self.code.show(None)
        self._grades.show(None, None)
        self._end.update(content)

    def ask(self, prompt: Prompt) -> None:
        """Put a line to type in above the status line, in the place of any other."""
        self.stop_asking()
        self._prompt = prompt
        _ = self.mount(prompt, before=self._status)

    def refuse(self, reason: str) -> None:
        """Say beside the line why it cannot be used."""
        if self._prompt is not None:
            self._prompt.refuse(reason)

    def stop_asking(self) -> None:
        """Take the line away."""
        if self._prompt is not None:
            _ = self._prompt.remove()
            self._prompt = None

    def say(self, message: Content, modes: Content) -> None:
        """Show what the last key did, and beside it what the screen is set to."""
        self._status.show(message, modes)
