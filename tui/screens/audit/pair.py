"""One pair at a time: which, what is shown of it, and how to go to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from textual.content import Content

from core.errors import InputError, RejudgeError
from core.text import displayable_line
from tui.commands import AUDIT
from tui.screens.audit.board import AuditBoard, Turn
from tui.screens.base import WorkspaceScreen
from tui.shown import audit as audit_text
from tui.widgets.code import CodeShelf
from tui.widgets.lists import SplitLine
from tui.words import BRAND, DIM, counted, error_text, judge_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from uuid import UUID

    from textual.widget import Widget

    from labels.audit.session import AuditSession
    from tui.widgets.code_text import CodeText
    from tui.words import Part


Result = TypeVar("Result")
_AHEAD = 3
#: Seconds until the first pair is surely painted.
_FIRST_PAINT = 0.25


class PairScreen(WorkspaceScreen):
    """Shows the pairs of an audit session, in its order. What is done to them, subclasses say."""

    SECTION = AUDIT
    HORIZONTAL_BREAKPOINTS = [(110, "-wide")]  # noqa: RUF012 - as Textual declares it

    def __init__(self) -> None:
        super().__init__()
        self.session: AuditSession | None = None
        self.turn = Turn()
        self.blind = False
        self.message = Content()
        self._refilling = False
        self._first: tuple[UUID, ...] = ()

    def body(self) -> Iterable[Widget]:
        """Return the board."""
        self.shelf = CodeShelf(self.desk.background.submit)
        self.board = AuditBoard(self.desk.key_table, self._lex_far)
        yield self.board

    def begin(self) -> None:
        """Say that the workspace is being opened."""
        self.query_one("#top", SplitLine).show(Content.assemble(BRAND, "  audit"))
        self.board.show_end(Content.assemble(("opening the workspace …", DIM)))

    def store_opened(self) -> None:
        """Begin a session in a thread."""
        store = self.desk.store
        if store is None or self.session is not None:
            return
        annotator = self.desk.workspace.annotator
        settings = self.desk.settings

        first = self._first

        def start() -> AuditSession:
            from labels.audit.items import AuditShares
            from labels.audit.session import AuditSession

            return AuditSession.start(
                store,
                annotator(),
                judge_name=settings.judge,
                shares=AuditShares(settings.blind_share, settings.repeat_share),
                first=first,
                soon=True,
            )

        def started(session: AuditSession) -> None:
            self.sit_down(session)
            if first != self._first:
                self.put_first(self._first)

        self.desk.background.start(start, started, self._not_started)

    def put_first(self, pairs: Sequence[UUID]) -> None:
        """Show these pairs before all others, in a session that goes on from this one."""
        self._first = tuple(pairs)
        session = self.session
        if session is not None:
            self.desk.background.start(lambda: session.with_first(pairs), self.sit_down)

    def sit_down(self, session: AuditSession) -> None:
        """Take up a session and show its current pair."""
        self.session = session
        left = counted(session.counts.left, "pair")
        words = (
            f"{left} left under this filter" if session.audit_filter.active else f"{left} to audit"
        )
        self.message = Content.assemble((words, DIM))
        self.show_current()

    def grades_renewed(self) -> None:
        """Draw what is ahead anew: a calibration has changed what pairs are worth."""
        session = self.session
        if session is not None:
            self.desk.background.start(session.renew, lambda _: None)

    def leaving(self) -> None:
        """Let others have the pairs that were ahead."""
        if self.session is not None:
            self.session.release()

    def _not_started(self, error: RejudgeError) -> None:
        self.board.show_end(error_text(error))

    def show_current(self) -> None:
        """Begin the turn of the session's current pair."""
        session = self.session
        if session is None:
            return
        item = session.current
        self.board.stop_asking()
        self.turn = Turn.of(item, session.annotator, blind=self.blind)
        if item is None:
            self.board.show_end(self._end_text())
        else:
            self.call_after_refresh(self._painted, self.turn)
        self.show_turn()
        if item is not None:
            self.board.show_code(item, self.shelf.take(item.document))

    def _painted(self, turn: Turn) -> None:
        """Start the clock of a pair in sight, then get ready for the next ones."""
        turn.paint()
        if self.session is not None and self.session.upcoming(1):
            self._get_ready()
        else:
            # The first pair brings its widgets with it; they are painted a few refreshes later.
            self.set_timer(_FIRST_PAINT, self._get_ready)

    def _get_ready(self) -> None:
        session = self.session
        if session is None:
            return
        self._prepare_next(session)
        if session.refill_wanted and not self._refilling:
            self._refilling = True
            self.desk.background.start(session.refill, self._refilled, self._not_refilled)

    def _not_refilled(self, error: RejudgeError) -> None:
        """Say so, and try again with the next pair."""
        self._refilling = False
        self.desk.show_error(error)

    def _refilled(self, _: None) -> None:
        self._refilling = False
        if self.session is not None:
            self._prepare_next(self.session)

    def _prepare_next(self, session: AuditSession) -> None:
        ahead = (item.document for item in session.upcoming(_AHEAD))
        self.shelf.prepare(ahead, self.board.code.size.height)

    def show_turn(self) -> None:
        """Show what is known of the current pair, the counts and the last message."""
        session = self.session
        if session is None:
            return
        if session.current is not None:
            self.board.show_turn(self.turn, session.current, session.annotator)
        name = judge_name(session.judge) if session.judge else Content("no judge")
        self.query_one("#top", SplitLine).show(
            Content.assemble(BRAND, "  audit  ", name),
            audit_text.counts_text(session.counts),
        )
        self.board.say(self.message, self._modes())

    def say(self, *parts: Part) -> None:
        """Show what the last key did."""
        self.message = Content.assemble(*parts)
        self.board.say(self.message, self._modes())

    def _modes(self) -> Content:
        from labels.audit.filters import filter_text

        parts: list[Part] = []
        if self.session is not None and self.session.audit_filter.active:
            shown = displayable_line(filter_text(self.session.audit_filter))
            parts += [("filter ", DIM), (shown, "bold $text-accent")]
        if self.session is not None and self.session.adjudicates:
            parts += ["  ", (" adjudicating ", "reverse $text-accent")]
        asked = self.session.asked_strategy if self.session is not None else None
        if asked is not None:
            parts += [("  " if parts else ""), ("queue ", DIM), (asked.value, "bold $text-accent")]
        waiting = self.session.waiting if self.session is not None else 0
        if waiting:
            words = f"{counted(waiting, 'label')} not sent yet"
            parts += [("  " if parts else ""), (words, "bold $text-warning")]
        if self.blind:
            parts += [("  " if parts else ""), (" blind ", "reverse $text-accent")]
        return Content.assemble(*parts)

    def _end_text(self) -> Content:
        session = self.session
        if session is None:
            return Content()
        return audit_text.end_text(
            session.counts,
            filtered=session.audit_filter.active,
            settles=session.audit_filter.settles,
            keys={name: self.key_of(name) for name in ("audit.filter", "audit.undo", "audit.home")},
        )

    def key_of(self, identifier: str) -> str:
        """Return the key of a command, as it is shown."""
        return self.desk.key_table.shown_of(identifier)

    def tried(self, act: Callable[[], Result]) -> Result | None:
        """Return what ``act`` returns; None, and the reason shown, when it raised."""
        try:
            return act()
        except RejudgeError as error:
            self.say(("not done: ", "bold $text-error"), displayable_line(error.what))
            if not isinstance(error, InputError):
                self.desk.show_error(error)
            return None

    def go_on(self) -> None:
        """Show the next pair, the message of the last key still in sight."""
        session = self.session
        if session is not None and session.current is not None:
            try:
                session.advance()
            except RejudgeError as error:
                self.message = Content.assemble(
                    self.message,
                    ("  no next pair: ", "bold $text-error"),
                    displayable_line(error.what),
                )
                self.desk.show_error(error)
            self.show_current()

    def action_next(self) -> None:
        """Go to the next pair."""
        self.message = Content()
        self.go_on()

    def action_previous(self) -> None:
        """Go to the pair before."""
        session = self.session
        if session is None:
            return
        before = session.current
        session.back()
        self.message = Content("this is the first pair" if session.current is before else "")
        self.show_current()

    def action_code(self, move: str) -> None:
        """Scroll the code."""
        self.board.code.move(move)

    def action_toggle_blind(self) -> None:
        """Hide or show the judge, from this pair on."""
        self.blind = not self.blind
        words = "score and rationale are hidden until you grade" if self.blind else "off"
        self.message = Content.assemble(("blind mode: ", "bold"), words)
        if self.session is not None:
            before = self.turn
            self.turn = Turn.of(self.session.current, self.session.annotator, blind=self.blind)
            self.turn.graded, self.turn.painted = before.graded, before.painted
        self.show_turn()

    def _lex_far(self, code: CodeText, end: int) -> None:
        self.desk.background.start(lambda: code.lex(end), self._lexed)

    def _lexed(self, _: object) -> None:
        self.board.code.lexed()
        self.desk.all_is_loaded()
