"""The audit screen: a pair, the judge's score, and one key to confirm or override it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from textual.content import Content
from textual.widgets import Static

from core.errors import InputError, RejudgeError
from core.text import displayable, displayable_line
from tui.commands import AUDIT, GRADE_COMMANDS, bindings_of
from tui.screens.audit.board import AuditBoard, Turn
from tui.screens.base import AuditPairs, OverlayScreen, WorkspaceScreen
from tui.shown import audit as audit_text
from tui.widgets.code import CodeCache
from tui.widgets.text import SplitLine
from tui.words import BRAND, DIM, counted, error_text, judge_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.widget import Widget

    from core.records import LabelEvent
    from labels.audit.session import AuditSession
    from tui.context import Context
    from tui.widgets.code_text import CodeText

    Change = Callable[[AuditSession], AuditSession]

Result = TypeVar("Result")
#: Pairs that are made ready ahead.
_AHEAD: Final = 3
#: Seconds until the first pair is surely painted.
_FIRST_PAINT: Final = 0.25
_FILTER_HINT: Final = (
    "score:4,5 kind:semantic kind:keyword path:TEXT lang:NAME disagree:2 is:skipped is:flagged"
    " is:disputed is:labelled is:any; other words are searched in query and code. Empty: all pairs."
)
_QUEUE_HINT: Final = (
    "stratified, mixed, uncertain, disagreement, random or miss (from failed queries); the first"
    " letters will do. Empty: stratified until every score has 10 labels, then mixed."
)


class AuditScreen(WorkspaceScreen):
    """Shows the pairs of an audit session in its order, and records what the keys say of them.

    While other pairs are being loaded, and until the pair is painted, no key records anything: the
    person has not seen what it would be about.
    """

    SECTION = AUDIT
    BINDINGS = bindings_of(AUDIT)
    HORIZONTAL_BREAKPOINTS = [(110, "-wide")]  # noqa: RUF012 - as Textual declares it

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.session: AuditSession | None = None
        self.turn = Turn()
        self.blind = False
        self._first = AuditPairs(())
        self._loading = self._refilling = self._in_sight = False
        self._queued: tuple[Change, Callable[[RejudgeError], None]] | None = None
        self.codes = CodeCache(context.background.submit)
        self.board = AuditBoard(context.key_table, self._lex_far)

    def body(self) -> Iterable[Widget]:
        """Return the board."""
        yield self.board

    def begin(self) -> None:
        """Show that the workspace is being opened."""
        self.query_one("#top", SplitLine).show(Content.assemble(BRAND, "  audit"))
        self.board.show_end(Content.assemble(("opening the workspace …", DIM)))

    def store_opened(self) -> None:
        """Start a session in a thread."""
        context, first = self.context, self._first
        store = context.store
        if store is None or self.session is not None:
            return

        def start() -> AuditSession:
            from labels.audit.items import AuditShares
            from labels.audit.session import AuditSession

            return AuditSession.start(
                store,
                context.workspace.annotator(),
                judge_name=context.settings.judge,
                shares=AuditShares(context.settings.blind_share, context.settings.repeat_share),
                first=first.ids,
                soon=True,
            )

        def started(session: AuditSession) -> None:
            self._sit_down(session)
            if first != self._first:
                self.requested(self._first)

        context.background.start(start, started, lambda e: self.board.show_end(error_text(e)))

    def requested(self, request: object) -> None:
        """Show the pairs of another screen before all others."""
        if isinstance(request, AuditPairs):
            self._first = request
            if self.session is not None:
                self._load(lambda session: session.with_first(request.ids), self._not_loaded)

    def on_screen_resume(self) -> None:
        """Wait until the pair is painted again."""
        self._in_sight = False
        self.call_after_refresh(self._seen)

    def grades_renewed(self) -> None:
        """Draw the next pairs again: a calibration has changed what pairs are worth."""
        session = self.session
        if session is not None:
            self.context.background.start(session.renew, lambda _: None)

    def leaving(self) -> None:
        """Release the pairs that were reserved for this person."""
        if self.session is not None:
            self.session.release()

    def _load(self, change: Change, failed: Callable[[RejudgeError], None]) -> None:
        """Go on with another session made from this one; one change at a time."""
        session = self.session
        if session is None:
            return
        if self._loading:
            self._queued = (change, failed)
            return
        self._loading = True
        self.say(("loading pairs …", DIM))

        def not_loaded(error: RejudgeError) -> None:
            self._loading = False
            self.say()
            failed(error)
            self._load_queued()

        self.context.background.start(lambda: change(session), self._loaded, not_loaded)

    def _loaded(self, session: AuditSession) -> None:
        self._loading = False
        self.session = session
        if not self._load_queued():
            self._sit_down(session)

    def _load_queued(self) -> bool:
        queued, self._queued = self._queued, None
        if queued is not None:
            self._load(*queued)
        return queued is not None

    def _not_loaded(self, error: RejudgeError) -> None:
        self.say(("not done: ", "bold $text-error"), displayable_line(error.what))
        self.context.show_error(error)

    def _sit_down(self, session: AuditSession) -> None:
        """Show the current pair of a new session."""
        self.session = session
        self._in_sight = False
        left = counted(session.counts.left, "pair")
        words = f"{left} to audit" + (" with this filter" if session.audit_filter.active else "")
        self.message = Content.assemble((words, DIM))
        self._show_current()

    def _show_current(self) -> None:
        """Begin the turn of the session's current pair."""
        session = self.session
        if session is None:
            return
        item = session.current
        self.turn = Turn.of(item, session.annotator, blind=self.blind)
        if item is None:
            self.board.show_end(self._end_text())
        self.call_after_refresh(self._painted, self.turn)
        self._show_turn()
        if item is not None:
            self.board.show_code(item, self.codes.take(item.document))

    def _painted(self, turn: Turn) -> None:
        """Start the clock of the pair in sight, then get ready for the next ones."""
        self._seen()
        if self.session is None or self.session.current is None:
            return
        turn.paint()
        if self.session.upcoming(1):
            self._get_ready()
        else:
            # The first pair brings its widgets with it; they are painted a few refreshes later.
            self.set_timer(_FIRST_PAINT, self._get_ready)

    def _seen(self) -> None:
        self._in_sight = True

    def _get_ready(self) -> None:
        session = self.session
        if session is None:
            return
        self._prepare_next(session)
        if session.refill_wanted and not self._refilling:
            self._refilling = True
            self.context.background.start(session.refill, self._refilled, self._not_refilled)

    def _refilled(self, _: None) -> None:
        self._refilling = False
        if self.session is not None:
            self._prepare_next(self.session)

    def _not_refilled(self, error: RejudgeError) -> None:
        """Show the error; the next pair tries again."""
        self._refilling = False
        self.context.show_error(error)

    def _prepare_next(self, session: AuditSession) -> None:
        ahead = (item.document for item in session.upcoming(_AHEAD))
        self.codes.prepare(ahead, self.board.code.size.height)

    def _show_turn(self) -> None:
        """Show what is known of the current pair, the counts and the message."""
        session = self.session
        if session is None:
            return
        if session.current is not None:
            self.board.show_turn(self.turn, session.current, session.annotator)
        name = judge_name(session.judge) if session.judge else Content("no judge")
        self.query_one("#top", SplitLine).show(
            Content.assemble(BRAND, "  audit  ", name), audit_text.counts_text(session.counts)
        )
        self.show_status()

    def show_status(self) -> None:
        """Show the message, and beside it the filter and the modes."""
        modes = audit_text.modes_text(self.session, blind=self.blind) if self.session else Content()
        self.board.say(self.message, modes)

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

    def _ready(self) -> AuditSession | None:
        """Return the session if its pair is in sight, so that a key may record something."""
        if self._loading:
            self.say(("loading pairs …", DIM), "  that key did nothing")
            return None
        return self.session if self._in_sight else None

    def _tried(self, act: Callable[[], Result]) -> Result | None:
        """Return what ``act`` returns; None, and the reason shown, when it raised."""
        try:
            return act()
        except RejudgeError as error:
            self.say(("not done: ", "bold $text-error"), displayable_line(error.what))
            if not isinstance(error, InputError):
                self.context.show_error(error)
            return None

    def _go_on(self) -> None:
        """Show the next pair, with the message of the last key."""
        session = self.session
        self.board.stop_asking()
        if session is None or session.current is None:
            return
        try:
            session.advance()
        except RejudgeError as error:
            self.message = Content.assemble(
                self.message,
                ("  no next pair: ", "bold $text-error"),
                displayable_line(error.what),
            )
            self.context.show_error(error)
        self._show_current()

    def action_grade(self, grade: int) -> None:
        """Grade the pair and go on; stay where the grade reveals what was hidden.

        In blind mode that is the judge's ruling. Under a filter for disputes it is the grades of
        others; there the next grade adjudicates.
        """
        session, turn = self._ready(), self.turn
        if session is None:
            return
        hidden = turn.hidden
        event = self._tried(
            lambda: session.grade(grade, hidden=hidden, milliseconds=turn.milliseconds)
        )
        if event is None:
            return
        if self.context.store is not None:
            after = self.context.settings.refit_after
            self.context.recalibration.label_given(self.context.store, after)
        self._graded(session, event)

    def _graded(self, session: AuditSession, event: LabelEvent) -> None:
        ruling = session.current.ruling if session.current else None
        score = ruling.judgment.score if ruling else None
        opened = session.adjudicates and not event.adjudicates
        if not opened and (not self.blind or event.adjudicates):
            self.message = audit_text.graded_text(event, score, self.key_of("audit.undo"))
            self._go_on()
            return
        self.turn.hidden, self.turn.graded = False, True
        self.message = audit_text.graded_staying_text(
            event,
            score,
            does="adjudicate" if opened else "change it",
            grade_keys=self.context.key_table.shown(GRADE_COMMANDS),
            next_key=self.key_of("audit.confirm"),
        )
        self._show_turn()

    def action_confirm(self) -> None:
        """Confirm the judge's score; where the pair stays after a grade, go on."""
        session, turn = self._ready(), self.turn
        if session is None or session.current is None:
            return
        ruling = session.current.ruling
        if turn.graded:
            self.action_next()
        elif turn.hidden:
            self.say(("blind: ", "bold $text-warning"), "grade the pair to see the judge's score")
        elif ruling is None or ruling.judgment.score is None:
            self.say(("no score to confirm: ", "bold $text-warning"), "give a grade from 1 to 5")
        else:
            self.action_grade(ruling.judgment.score)

    def action_undo(self) -> None:
        """Undo the last event, also of an earlier session, and show its pair."""
        session = self._ready()
        tried = self._tried(lambda: (session.undo(),)) if session else None
        if tried is None:
            return
        (undone,) = tried
        if undone is None:
            self.say(("nothing to undo", DIM))
        else:
            self.message = audit_text.undone_text(undone)
            self.board.stop_asking()
            self._show_current()

    def action_skip(self) -> None:
        """Skip the pair."""
        session, turn = self._ready(), self.turn
        if session and self._tried(lambda: session.skip(turn.milliseconds)) is not None:
            self.message = audit_text.done_text("skipped", self.key_of("audit.undo"))
            self._go_on()

    def action_flag(self) -> None:
        """Flag the pair, or remove the person's flag; the pair stays."""
        session = self._ready()
        flagged = self._tried(session.toggle_flag) if session else None
        if flagged is None:
            return
        if flagged:
            self.message = audit_text.done_text("flagged", self.key_of("audit.undo"))
        else:
            self.message = Content.assemble(("flag removed", "bold"))
        self._show_turn()

    def action_note(self) -> None:
        """Ask for a note on the pair."""
        session = self._ready()
        if session is not None and session.current is not None:
            self.board.ask("note", "", "enter saves the note, escape cancels", self._note)

    def _note(self, text: str) -> None:
        """Save a note; where that fails the line stays, with the text in it."""
        session = self._ready()
        if session is None or not text.strip():
            self.say()
            return
        try:
            session.note(text)
        except RejudgeError as error:
            if not isinstance(error, InputError):
                self.context.show_error(error)
            raise
        self.message = audit_text.done_text("note saved", self.key_of("audit.undo"))
        self._show_turn()

    def action_filter(self) -> None:
        """Ask which pairs to show."""
        from labels.audit.filters import filter_text

        if self.session is not None:
            text = displayable_line(filter_text(self.session.audit_filter))
            self._ask_filter(text)

    def _ask_filter(self, text: str) -> None:
        self.board.ask("filter", text, _FILTER_HINT, self._filter_by, self.say)

    def _filter_by(self, text: str) -> None:
        from labels.audit.filters import parse_filter

        chosen = parse_filter(text)
        self._load(
            lambda session: session.with_filter(chosen),
            lambda error: self._refused(error, lambda: self._ask_filter(text)),
        )

    def action_queue(self) -> None:
        """Ask how the next pairs are chosen."""
        if self.session is not None:
            asked = self.session.asked_strategy
            self._ask_queue(asked.value if asked else "")

    def _ask_queue(self, text: str) -> None:
        self.board.ask("queue", text, _QUEUE_HINT, self._draw_by, self.say)

    def _draw_by(self, text: str) -> None:
        from labels.audit.strategies import strategy_named

        chosen = strategy_named(text)
        self._load(
            lambda session: session.with_strategy(chosen),
            lambda error: self._refused(error, lambda: self._ask_queue(text)),
        )

    def _refused(self, error: RejudgeError, ask_again: Callable[[], None]) -> None:
        """Ask again for what could not be used, unless the person is asked for something else."""
        if self.board.asking:
            self._not_loaded(error)
            return
        ask_again()
        self.board.prompt.refuse(displayable_line(f"{error.headline}. {error.todo}"))

    def action_details(self) -> None:
        """Show everything about the pair that is not hidden."""
        session = self.session
        if session is not None and session.current is not None:
            text = audit_text.details_text(
                session.current, hidden=self.turn.hidden, annotator=session.annotator
            )
            self._overlay("about this pair", Static(text))

    def action_guidelines(self) -> None:
        """Show how to grade."""
        from textual.widgets import Markdown

        text = displayable(self.context.workspace.guidelines())
        self._overlay("guidelines", Markdown(text, open_links=False))

    def _overlay(self, title: str, content: Widget) -> None:
        _ = self.app.push_screen(OverlayScreen(title, content))

    def action_next(self) -> None:
        """Go to the next pair."""
        self.message = Content()
        self._go_on()

    def action_previous(self) -> None:
        """Go to the previous pair."""
        session = self.session
        if session is None:
            return
        before = session.current
        session.back()
        self.message = Content("this is the first pair" if session.current is before else "")
        self.board.stop_asking()
        self._show_current()

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
        self._show_turn()

    def _lex_far(self, code: CodeText, end: int) -> None:
        self.context.background.start(lambda: code.lex(end), self._lexed)

    def _lexed(self, _: object) -> None:
        self.board.code.lexed()
        self.context.freeze_objects()
