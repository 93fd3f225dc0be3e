"""The judges screen: how far each judge can be trusted, and where judges disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from core.text import displayable_line
from tui.commands import JUDGES, bindings_of
from tui.screens.base import AuditPairs, ShowScreen, WorkspaceScreen
from tui.shown import judges as judges_text
from tui.shown.evals import progress_text
from tui.shown.judges import JUDGE_LINES
from tui.widgets.board import Board
from tui.widgets.lists import RowList
from tui.widgets.text import SplitLine
from tui.words import BRAND, DIM, counted, error_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual.app import ComposeResult
    from textual.widget import Widget

    from core.errors import RejudgeError
    from labels.agreement.records import JudgeAgreement
    from labels.calibration.store import CalibrationOutcome
    from labels.trust import Trust
    from tui.context import Context
    from tui.widgets.lists import Cell


_MOST_JUDGES: Final = 4


class JudgesBoard(Board):
    """The judges; below them the metrics of the chosen one, or the disagreements.

    The metrics are in one column, or in two where there is room.
    """

    SCOPED_CSS = False  # the screen carries -broad
    DEFAULT_CSS = """
    JudgesBoard {
        height: 1fr;
        & #judges { height: 2; background: $surface; }
        & #page { height: 1fr; padding: 1 2 0 2; }
        & #columns { height: auto; layout: vertical; }
        & #columns Static { height: auto; width: 1fr; padding: 0 0 1 0; }
        & #disagreements-head { display: none; height: 1; background: $panel; }
        & #disagreements { display: none; height: 1fr; }
        & #status { height: 1; padding: 0 1; background: $surface; }
        & #end { display: none; height: 1fr; padding: 1 2; }
        &.-ended #judges, &.-ended #page { display: none; }
        &.-ended #end { display: block; }
        &.-disagreeing #page { display: none; }
        &.-disagreeing #disagreements-head, &.-disagreeing #disagreements { display: block; }
    }
    .-broad JudgesBoard {
        & #columns { layout: horizontal; }
        & #columns Static { padding: 0 3 1 0; }
    }
    """

    def __init__(
        self,
        judge_cells: Callable[[int, int, int], Sequence[Cell]],
        disagreement_cells: Callable[[int, int, int], Sequence[Cell]],
    ) -> None:
        super().__init__(classes="-ended")
        self.judges = RowList(judge_cells, lines=JUDGE_LINES, id="judges")
        self.disagreements = RowList(disagreement_cells, id="disagreements")
        self.page = VerticalScroll(id="page", classes="page", can_focus=False)
        self._judge = Static(id="judge")
        self._trust = Static(id="trust")
        self._disagreements_head = SplitLine(id="disagreements-head")

    def compose(self) -> ComposeResult:
        """Lay out judges, metrics, disagreements and status line."""
        yield self.judges
        with self.page, Container(id="columns"):
            yield self._judge
            yield self._trust
        yield self._disagreements_head
        yield self.disagreements
        yield self.end
        yield self.status

    @property
    def disagreeing(self) -> bool:
        """Whether the disagreements are in sight."""
        return self.has_class("-disagreeing")

    def show_judges(self, count: int, cursor: int) -> None:
        """Show the judges."""
        self.remove_class("-ended")
        self.judges.styles.height = min(count, _MOST_JUDGES) * JUDGE_LINES
        self.judges.show(count, cursor)

    def show_metrics(self, judge: Content, trust: Content) -> None:
        """Show the metrics of the chosen judge."""
        self._judge.update(judge)
        self._trust.update(trust)

    def show_disagreements(self, count: int, head: Content) -> None:
        """Show the pairs that judges score far apart."""
        self._disagreements_head.show(head)
        self.disagreements.show(count, self.disagreements.cursor)

    def show_end(self, content: Content) -> None:
        """Show a text in place of everything."""
        self.remove_class("-disagreeing")
        super().show_end(content)


_JUDGE_COMMAND: Final = "rejudge judge --judge lexical"
_STATUS_PERIOD: Final = 0.2


class JudgesScreen(WorkspaceScreen):
    """Compares the judges of the workspace with people, and with each other."""

    SECTION = JUDGES
    BINDINGS = bindings_of(JUDGES)
    HORIZONTAL_BREAKPOINTS = [(150, "-broad")]  # noqa: RUF012 - as Textual declares it

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.trust: Trust | None = None
        self._measuring = False
        self._stale = False
        self.board = JudgesBoard(self._judge_cells, self._disagreement_cells)

    def body(self) -> Iterable[Widget]:
        """Return the board."""
        yield self.board

    def begin(self) -> None:
        """Say that the workspace is being opened."""
        self.query_one("#top", SplitLine).show(Content.assemble(BRAND, "  judges"))
        self.board.show_end(Content.assemble(("opening the workspace …", DIM)))
        self._clock = self.set_interval(_STATUS_PERIOD, self.show_status, pause=True)

    def store_opened(self) -> None:
        """Measure."""
        self._measure()

    def on_screen_resume(self) -> None:
        """Measure again when the person comes back: there may be new labels."""
        if self.is_mounted and not self._measuring:
            self._measure()

    def grades_renewed(self) -> None:
        """Measure again after a calibration, if the screen is in front."""
        if self.is_current:
            self._measure()

    def _measure(self) -> None:
        store = self.context.store
        if store is None:
            return
        if self._measuring:
            self._stale = True
            return
        self._measuring, self._stale = True, False
        if self.trust is None:
            self.board.show_end(Content.assemble(("measuring …", DIM)))
        self.say(("measuring …", DIM))

        annotator = self.context.workspace.annotator

        def measure() -> Trust:
            from labels.trust import measure_trust

            return measure_trust(store, annotator=annotator())

        self.context.background.start(measure, self._measured, self._not_measured, long=True)

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
        keys = {name: self.key_of(name) for name in ("judges.calibrate", "judges.disagreements")}
        self.board.show_metrics(
            judges_text.judge_text(judge), judges_text.trust_text(judge, trust, keys)
        )
        self.board.show_disagreements(
            len(trust.disagreements.worst),
            judges_text.disagreements_head(trust, self.key_of("judges.audit")),
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

    def _disagreement_cells(self, index: int, _: int, width: int) -> Sequence[Cell]:
        worst = self.trust.disagreements.worst if self.trust else ()
        return judges_text.disagreement_cells(worst[index], width)

    def show_status(self) -> None:
        """Show a calibration under way, else the message."""
        running = self.context.recalibration.running
        if running is None:
            self._clock.pause()
            self.board.say(self.message, Content())
            return
        self._clock.resume()
        progress = running.progress
        words = progress_text(progress, running.seconds) if progress else "learning from labels …"
        if running.stopping:
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
        """Scroll the metrics, or move in the list of disagreements."""
        if self.board.disagreeing:
            self.board.disagreements.move(move)
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

    def action_disagreements(self) -> None:
        """Show the disagreements, or the metrics again."""
        trust = self.trust
        if trust is None:
            return
        if not trust.disagreements.worst and not self.board.disagreeing:
            self.say(judges_text.disagreements_head(trust, ""))
            return
        self.board.toggle_class("-disagreeing")

    def action_audit(self) -> None:
        """Audit the disagreements before all other pairs, from the cursor on."""
        worst = self.trust.disagreements.worst if self.trust else ()
        if not worst:
            self.say(("nothing to audit: ", "bold $text-warning"), "no judges disagree on a pair")
            return
        first = max(0, self.board.disagreements.cursor) if self.board.disagreeing else 0
        pairs = AuditPairs(tuple(one.pair for one in worst[first:]))
        self.post_message(ShowScreen("audit", pairs))

    def action_calibrate(self) -> None:
        """Calibrate now."""
        store, recalibration = self.context.store, self.context.recalibration
        if recalibration.running is not None:
            self.say(("a calibration is running already", DIM))
        elif store is not None:
            recalibration.start_now(store, self._calibrated, self._not_calibrated)
            self.show_status()

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

    def action_leave(self) -> None:
        """Stop a calibration that was asked for; else back to the metrics, then home."""
        recalibration = self.context.recalibration
        if recalibration.running is not None and recalibration.requested:
            recalibration.running.stop()
            self.show_status()
        elif self.board.disagreeing:
            self.board.remove_class("-disagreeing")
        else:
            self.post_message(ShowScreen("home"))
