"""Audit: a pair, the judge's ruling, and one key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Static

from core.errors import RejudgeError
from core.text import displayable, displayable_line
from tui.commands import AUDIT, GRADE_COMMANDS, bindings_of
from tui.screens.audit.pair import PairScreen
from tui.shown import audit as audit_text
from tui.words import DIM

if TYPE_CHECKING:
    from textual.widget import Widget

    from tui.widgets.bars import Prompt


_FILTER_HINT = (
    "score:4,5 kind:semantic kind:keyword path:TEXT lang:NAME disagree:2 is:skipped is:flagged"
    " is:disputed is:labelled is:any; other words are looked for in query and code. Empty: all."
)
_QUEUE_HINT = (
    "stratified, mixed, uncertain, disagreement, random or miss (from failed queries), or how it"
    " begins; empty: stratified until every score has 10 labels, then mixed."
)


class AuditScreen(PairScreen):
    """What the keys do to a pair."""

    BINDINGS = bindings_of(AUDIT)

    def action_grade(self, grade: int) -> None:
        """Grade the pair and go on; stay where the grade opens what was hidden until then.

        That is the judge's ruling in blind mode, and what others gave under a filter for disputes:
        there the next grade adjudicates.
        """
        session, turn = self.session, self.turn
        if session is None:
            return
        hidden = turn.hidden
        event = self.tried(
            lambda: session.grade(grade, hidden=hidden, milliseconds=turn.milliseconds)
        )
        if event is None:
            return
        self.desk.refitting.label_given()
        ruling = session.current.ruling if session.current else None
        score = ruling.judgment.score if ruling else None
        opened = session.adjudicates and not event.adjudicates
        if opened or (self.blind and not event.adjudicates):
            turn.hidden, turn.graded = False, True
            self.message = audit_text.graded_staying_text(
                event,
                score,
                does="adjudicate" if opened else "revise",
                grade_keys=self.desk.key_table.shown(GRADE_COMMANDS),
                next_key=self.key_of("audit.confirm"),
            )
            self.show_turn()
        else:
            self.message = audit_text.graded_text(event, score, self.key_of("audit.undo"))
            self.go_on()

    def action_confirm(self) -> None:
        """Grade as the judge did; in blind mode go on once a grade is given."""
        session, turn = self.session, self.turn
        if session is None or session.current is None:
            return
        ruling = session.current.ruling
        if turn.graded:
            self.action_next()
        elif turn.hidden:
            self.say(("blind: ", "bold $text-warning"), "grade it first, then see the judge")
        elif ruling is None or ruling.judgment.score is None:
            self.say(("nothing to confirm: ", "bold $text-warning"), "grade it yourself")
        else:
            self.action_grade(ruling.judgment.score)

    def action_undo(self) -> None:
        """Take back the last event, also of an earlier session, and show its pair."""
        session = self.session
        if session is None:
            return
        tried = self.tried(lambda: (session.undo(),))
        if tried is None:
            return
        (undone,) = tried
        if undone is None:
            self.say(("nothing to undo", DIM))
        else:
            self.message = audit_text.undone_text(undone)
            self.show_current()

    def action_skip(self) -> None:
        """Pass the pair over."""
        session, turn = self.session, self.turn
        if session is not None and self.tried(lambda: session.skip(turn.milliseconds)) is not None:
            self.message = audit_text.done_text("skipped", self.key_of("audit.undo"))
            self.go_on()

    def action_flag(self) -> None:
        """Mark the pair; it stays."""
        session = self.session
        if session is not None and self.tried(session.flag) is not None:
            self.message = audit_text.done_text("flagged", self.key_of("audit.undo"))
            self.show_turn()

    def action_note(self) -> None:
        """Ask for a note on the pair."""
        from tui.widgets.bars import Prompt

        if self.session is not None and self.session.current is not None:
            self.board.ask(Prompt("note", "", "enter keeps it, esc leaves"))

    def action_filter(self) -> None:
        """Ask which pairs to show."""
        from labels.audit.filters import filter_text
        from tui.widgets.bars import Prompt

        if self.session is not None:
            text = displayable_line(filter_text(self.session.audit_filter))
            self.board.ask(Prompt("filter", text, _FILTER_HINT))

    def action_queue(self) -> None:
        """Ask how the next pairs are drawn."""
        from tui.widgets.bars import Prompt

        if self.session is not None:
            asked = self.session.asked_strategy
            self.board.ask(Prompt("queue", asked.value if asked else "", _QUEUE_HINT))

    def action_details(self) -> None:
        """Show all that is known about the pair, as far as it is not hidden."""
        session = self.session
        if session is None or session.current is None:
            return
        text = audit_text.details_text(
            session.current, hidden=self.turn.hidden, annotator=session.annotator
        )
        self._overlay("about this pair", Static(text))

    def action_guidelines(self) -> None:
        """Show how to grade."""
        from textual.widgets import Markdown

        text = displayable(self.desk.workspace.guidelines())
        self._overlay("guidelines", Markdown(text, open_links=False))

    def on_prompt_left(self) -> None:
        """Go on without what was asked."""
        self.board.stop_asking()
        self.say()

    def on_prompt_given(self, event: Prompt.Given) -> None:
        """Use what was typed."""
        if event.prompt.name == "filter":
            self._filter_by(event.text)
        elif event.prompt.name == "queue":
            self._draw_by(event.text)
        elif event.text.strip():
            self._note(event.text)
        else:
            self.on_prompt_left()

    def _note(self, text: str) -> None:
        session = self.session
        if session is not None and self.tried(lambda: session.note(text)) is not None:
            self.board.stop_asking()
            self.message = audit_text.done_text("noted", self.key_of("audit.undo"))
            self.show_turn()

    def _filter_by(self, text: str) -> None:
        from labels.audit.filters import parse_filter

        session = self.session
        if session is None:
            return
        try:
            chosen = parse_filter(text)
        except RejudgeError as error:
            self._filter_refused(error)
            return
        self.say(("looking …", DIM))

        self.desk.background.start(
            lambda: session.with_filter(chosen), self.sit_down, self._filter_refused
        )

    def _draw_by(self, text: str) -> None:
        from labels.audit.strategies import strategy_named

        session = self.session
        if session is None:
            return
        try:
            chosen = strategy_named(text)
        except RejudgeError as error:
            self._filter_refused(error)
            return
        self.say(("drawing …", DIM))
        self.desk.background.start(
            lambda: session.with_strategy(chosen), self.sit_down, self._filter_refused
        )

    def _filter_refused(self, error: RejudgeError) -> None:
        self.say()
        self.board.refuse(displayable_line(f"{error.headline}. {error.todo}"))

    def _overlay(self, title: str, content: Widget) -> None:
        from tui.screens.base import OverlayScreen

        _ = self.app.push_screen(OverlayScreen(title, content))
