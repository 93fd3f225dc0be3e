"""Judges: how far each can be trusted, what its scores mean, and what judges fight over.

The widgets of the judges screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.text import displayable_line
from tui.commands import JUDGES, bindings_of
from tui.screens.base import WorkspaceScreen
from tui.shown import judges as judges_text
from tui.shown.evals import progress_text
from tui.shown.judges import JUDGE_LINES
from tui.widgets.lists import Board, RowList, SplitLine
from tui.words import BRAND, DIM, counted, error_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from uuid import UUID

    from textual.app import ComposeResult
    from textual.widget import Widget

    from core.errors import RejudgeError
    from labels.agreement.records import JudgeAgreement
    from labels.calibration.store import CalibrationOutcome
    from labels.trust import Trust
    from tui.widgets.lists import Cell
    from tui.words import Part


_MOST_JUDGES = 4


class JudgesBoard(Board):
    """Judges above, below them the chosen one's figures or the pairs that judges fight over.

    The figures stand in one column, or in two where there is room.
    """

    SCOPED_CSS = False  # the screen carries -broad
    DEFAULT_CSS = """
    JudgesBoard {
        height: 1fr;
        & #judges { height: 2; background: $surface; }
        & #page { height: 1fr; padding: 1 2 0 2; }
        & #columns { height: auto; layout: vertical; }
        & #columns Static { height: auto; width: 1fr; padding: 0 0 1 0; }
        & #fights-head { display: none; height: 1; background: $panel; }
        & #fights { display: none; height: 1fr; }
        & #status { height: 1; padding: 0 1; background: $surface; }
        & #end { display: none; height: 1fr; padding: 1 2; }
        &.-ended #judges, &.-ended #page { display: none; }
        &.-ended #end { display: block; }
        &.-fighting #page { display: none; }
        &.-fighting #fights-head, &.-fighting #fights { display: block; }
    }
    .-broad JudgesBoard {
        & #columns { layout: horizontal; }
        & #columns Static { padding: 0 3 1 0; }
    }
    """

    def __init__(
        self,
        judge_cells: Callable[[int, int, int], Sequence[Cell]],
        fight_cells: Callable[[int, int, int], Sequence[Cell]],
    ) -> None:
        super().__init__(classes="-ended")
        self.judges = RowList(judge_cells, lines=JUDGE_LINES, id="judges")
        self.fights = RowList(fight_cells, id="fights")
        self.page = VerticalScroll(id="page", classes="page", can_focus=False)
        self._judge = Static(id="judge")
        self._trust = Static(id="trust")
        self._fights_head = SplitLine(id="fights-head")

    def compose(self) -> ComposeResult:
        """Lay out all of it."""
        yield self.judges
        with self.page, Container(id="columns"):
            yield self._judge
            yield self._trust
        yield self._fights_head
        yield self.fights
        yield self.end
        yield self.status

    @property
    def fighting(self) -> bool:
        """Whether the fights are in sight."""
        return self.has_class("-fighting")

    def show_judges(self, count: int, cursor: int) -> None:
        """Show the judges."""
        self.remove_class("-ended")
        self.judges.styles.height = min(count, _MOST_JUDGES) * JUDGE_LINES
        self.judges.show(count, cursor)

    def show_figures(self, judge: Content, trust: Content) -> None:
        """Show the figures of the chosen judge."""
        self._judge.update(judge)
        self._trust.update(trust)

    def show_fights(self, count: int, head: Content) -> None:
        """Show the pairs that judges fight over."""
        self._fights_head.show(head)
        self.fights.show(count, self.fights.cursor)

    def show_end(self, content: Content) -> None:
        """Show a text in place of everything."""
        self.remove_class("-fighting")
        super().show_end(content)


_JUDGE_COMMAND = "rejudge judge --judge lexical"
_LOOK_AGAIN = 0.2


class JudgesScreen(WorkspaceScreen):
    """Shows the judges of the workspace beside people."""

    SECTION = JUDGES
    BINDINGS = bindings_of(JUDGES)
    HORIZONTAL_BREAKPOINTS = [(150, "-broad")]  # noqa: RUF012 - as Textual declares it

    def __init__(self) -> None:
        super().__init__()
        self.trust: Trust | None = None
        self.message = Content()
        self._measuring = False
        self._stale = False

    def body(self) -> Iterable[Widget]:
        """Return the board."""
        self.board = JudgesBoard(self._judge_cells, self._fight_cells)
        yield self.board

    def begin(self) -> None:
        """Say that the workspace is being opened."""
        self.query_one("#top", SplitLine).show(Content.assemble(BRAND, "  judges"))
        self.board.show_end(Content.assemble(("opening the workspace …", DIM)))
        self._clock = self.set_interval(_LOOK_AGAIN, self._show_status, pause=True)

    def store_opened(self) -> None:
        """Measure."""
        self._measure()

    def on_screen_resume(self) -> None:
        """Measure again when a person comes back: there may be new labels."""
        if self.is_mounted and not self._measuring:
            self._measure()

    def grades_renewed(self) -> None:
        """Measure again after a calibration, now or when the screen is next in sight."""
        if self.is_current:
            self._measure()

    def _measure(self) -> None:
        store = self.desk.store
        if store is None:
            return
        if self._measuring:
            self._stale = True
            return
        self._measuring, self._stale = True, False
        if self.trust is None:
            self.board.show_end(Content.assemble(("measuring …", DIM)))
        self.say(("measuring …", DIM))

        annotator = self.desk.workspace.annotator

        def measure() -> Trust:
            from labels.trust import measure_trust

            return measure_trust(store, annotator=annotator())

        self.desk.background.start(measure, self._measured, self._not_measured, long=True)

    def _measured(self, trust: Trust) -> None:
        self._measuring = False
        chosen = self.judge.judge.id if self.judge else None
        self.trust = trust
        self.say()
        judges = trust.agreement.judges
        if not judges:
            self.board.show_end(judges_text.no_judges_text(_JUDGE_COMMAND))
            return
        places = [place for place, one in enumerate(judges) if one.judge.id == chosen]
        self.board.show_judges(len(judges), places[0] if places else 0)
        self._show_judge()
        if self._stale:
            self._measure()

    def _not_measured(self, error: RejudgeError) -> None:
        self._measuring = False
        self.say()
        self.board.show_end(error_text(error))

    @property
    def judge(self) -> JudgeAgreement | None:
        """The judge under the cursor."""
        judges = self.trust.agreement.judges if self.trust else ()
        place = self.board.judges.cursor
        return judges[place] if 0 <= place < len(judges) else None

    def _show_judge(self) -> None:
        trust, judge = self.trust, self.judge
        if trust is None or judge is None:
            return
        keys = {name: self.key_of(name) for name in ("judges.calibrate", "judges.fights")}
        self.board.show_figures(
            judges_text.judge_text(judge), judges_text.trust_text(judge, trust, keys)
        )
        self.board.show_fights(
            len(trust.disagreements.worst),
            judges_text.fights_head(trust.disagreements, self.key_of("judges.audit")),
        )
        total = counted(len(trust.agreement.judges), "judge")
        self.query_one("#top", SplitLine).show(
            Content.assemble(BRAND, "  judges  ", (displayable_line(judge.judge.name), "bold")),
            Content.assemble((f"{total} ", DIM)),
        )

    def _judge_cells(self, index: int, line: int, width: int) -> Sequence[Cell]:
        if self.trust is None:
            return []
        one = self.trust.agreement.judges[index]
        return judges_text.judge_cells(one, self.trust.work_of(one), line, width)

    def _fight_cells(self, index: int, _: int, width: int) -> Sequence[Cell]:
        fights = self.trust.disagreements.worst if self.trust else ()
        return judges_text.fight_cells(fights[index], width)

    def key_of(self, identifier: str) -> str:
        """Return the key of a command, as it is shown."""
        return self.desk.key_table.shown_of(identifier)

    def say(self, *parts: Part) -> None:
        """Show what the last key did."""
        self.message = Content.assemble(*parts)
        self._show_status()

    def _show_status(self) -> None:
        refitting = self.desk.refitting
        if not refitting.running:
            self._clock.pause()
            self.board.say(self.message, Content())
            return
        self._clock.resume()
        progress = refitting.progress
        words = progress_text(progress, refitting.seconds) if progress else "learning from labels …"
        if refitting.stopping:
            words = "stopping …"
        stop = Content.assemble((self.key_of("judges.leave"), "bold $text-accent"), " stops it")
        self.board.say(Content.assemble(("calibrating  ", "bold"), words), stop)

    def action_judge(self, step: int) -> None:
        """Go to the next or the previous judge."""
        rows = self.board.judges
        rows.put(rows.cursor + step)
        self.board.page.scroll_home(animate=False)
        self._show_judge()

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """Follow a click on a judge."""
        if event.rows is self.board.judges:
            self._show_judge()

    def action_go(self, move: str) -> None:
        """Scroll the figures, or move in the list of fights."""
        if self.board.fighting:
            self.board.fights.move(move)
            return
        page = self.board.page
        height = max(1, page.size.height - 2)
        steps = {"down": 2, "up": -2, "page_down": height, "page_up": -height}
        if move in steps:
            page.scroll_relative(y=steps[move], animate=False)
        elif move == "top":
            page.scroll_home(animate=False)
        else:
            page.scroll_end(animate=False)

    def action_fights(self) -> None:
        """Show the pairs that judges fight over, or the figures again."""
        trust = self.trust
        if trust is None:
            return
        if not trust.disagreements.worst and not self.board.fighting:
            self.say(judges_text.fights_head(trust.disagreements, ""))
            return
        self.board.toggle_class("-fighting")

    def action_audit(self) -> None:
        """Audit the pairs that judges fight over, from the cursor on, before all others."""
        fights = self.trust.disagreements.worst if self.trust else ()
        if not fights:
            self.say(("nothing to audit: ", "bold $text-warning"), "judges fight over no pair")
            return
        first = self.board.fights.cursor if self.board.fighting else 0
        self.call_later(self._to_audit, [fight.pair for fight in fights[max(0, first) :]])

    async def _to_audit(self, pairs: Sequence[UUID]) -> None:
        from tui.screens.audit.pair import PairScreen

        await self.desk.action_show_audit()
        screen = self.desk.screen
        if isinstance(screen, PairScreen):
            screen.put_first(pairs)

    def action_calibrate(self) -> None:
        """Calibrate now."""
        if self.desk.refitting.running:
            self.say(("it is being calibrated already", DIM))
            return
        self.desk.refitting.start_now(self._calibrated, self._not_calibrated)
        self._show_status()

    def _calibrated(self, outcome: CalibrationOutcome) -> None:
        found = outcome.calibration
        if found is None:
            self.say(("not calibrated: ", "bold $text-warning"), displayable_line(outcome.reason))
            return
        self.say(
            ("calibrated: ", "bold $text-success"),
            f"{found.method.value}, {counted(found.graded, 'pair')} graded",
        )

    def _not_calibrated(self, error: RejudgeError) -> None:
        self.say(("not calibrated: ", "bold $text-warning"), displayable_line(error.what))

    def action_refresh(self) -> None:
        """Measure again."""
        self._measure()

    async def action_leave(self) -> None:
        """Stop a calibration that was asked for; else back to the figures, then home."""
        refitting = self.desk.refitting
        if refitting.running and refitting.asked_for:
            refitting.stop()
            self._show_status()
        elif self.board.fighting:
            self.board.remove_class("-fighting")
        else:
            await self.desk.action_show_home()
